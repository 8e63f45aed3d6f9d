"""What an answer says of tokens that were guessed ahead."""

from dataclasses import replace

import httpx

from colonnade.api.generation.v1 import generation_pb2
from colonnade.gateway.adapters.inference import _finish
from colonnade.gateway.domain.generation import Chunk
from colonnade.gateway.http.wire_answers import GenerateAnswer
from tests.unit.gateway.fakes import House, finish


async def test_guesses_are_part_of_the_usage(house: House, client: httpx.AsyncClient) -> None:
    ending = finish()
    ending = replace(ending, usage=replace(ending.usage, guessed_tokens=9, accepted_tokens=5))
    house.generator.chunks = [Chunk("Paris", finish=ending)]
    answer = (await client.post("/generate", json={"prompt": "Hello"})).json()
    GenerateAnswer.model_validate(answer, strict=True)
    assert (answer["usage"]["guessed_tokens"], answer["usage"]["accepted_tokens"]) == (9, 5)


async def test_without_guesses_nothing_is_said_of_them(house: House, client: httpx.AsyncClient) -> None:
    answer = (await client.post("/generate", json={"prompt": "Hello"})).json()
    assert "guessed_tokens" not in answer["usage"]


def test_guesses_come_over_the_wire() -> None:
    speculation = generation_pb2.Speculation(proposed=9, accepted=5)
    usage = _finish(generation_pb2.Finish(speculation=speculation)).usage
    assert (usage.guessed_tokens, usage.accepted_tokens) == (9, 5)
    assert _finish(generation_pb2.Finish()).usage.guessed_tokens == 0
