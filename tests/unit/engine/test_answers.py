"""Several answers to one prompt, and answers of a given form: through the engine's door."""

import asyncio
import json
import re
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any, cast

import jsonschema
import pytest

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.engine.answers import MAX_ANSWERS
from colonnade.engine.scheduler import Limits
from colonnade.errors import InvalidArgument, Overloaded, Unsupported
from tests.unit.engine.served import LIMIT, Served, asking, bound, serving
from tests.unit.engine.test_servicer import Models
from tests.unit.engine.toys.odd import Gated

SCHEMA = {
    "type": "object",
    "properties": {
        "ok": {"type": "boolean"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2},
    },
    "required": ["ok", "tags"],
    "additionalProperties": False,
}
WARM = gen.Sampling(temperature=1.0, seed=11)


@pytest.fixture(autouse=True)
async def _limit() -> AsyncGenerator[None, None]:
    async with asyncio.timeout(LIMIT):
        yield


@pytest.fixture
async def served() -> AsyncGenerator[Served, None]:
    async with serving() as started:
        yield started


async def answers(served: Served, generation: gen.Generation) -> dict[int, gen.Chunk]:
    """Each answer's chunks as one."""
    whole: dict[int, gen.Chunk] = defaultdict(gen.Chunk)
    async for response in served.submit(generation):
        chunk = response.chunk
        assert not whole[chunk.index].HasField("finish"), "nothing follows an answer's finish"
        text = whole[chunk.index].text + chunk.text
        whole[chunk.index].MergeFrom(chunk)
        whole[chunk.index].text = text
    assert all(each.HasField("finish") for each in whole.values())
    return whole


async def test_each_answer_is_that_of_its_own_seed(served: Served) -> None:
    model = await served.load()
    together = await answers(served, asking(model, sampling=WARM, n=4, max_tokens=7))
    assert sorted(together) == [0, 1, 2, 3]
    for index, got in together.items():
        alone = await served.answer(
            asking(model, sampling=gen.Sampling(temperature=1.0, seed=11 + index), max_tokens=7)
        )
        assert [token.id for token in got.tokens] == [token.id for token in alone.tokens]
        assert (got.text, got.finish.seed) == (alone.text, 11 + index)
        assert got.finish.usage.prompt_tokens == 5
    assert len({got.text for got in together.values()}) > 1


async def test_without_a_seed_the_answers_follow_the_drawn_one(served: Served) -> None:
    model = await served.load()
    together = await answers(served, asking(model, sampling=gen.Sampling(temperature=1.0), n=3))
    seeds = [together[index].finish.seed for index in range(3)]
    assert seeds == [seeds[0], seeds[0] + 1, seeds[0] + 2]


async def test_seeds_begin_again_after_the_last(served: Served) -> None:
    model = await served.load()
    together = await answers(served, asking(model, sampling=gen.Sampling(seed=2**64 - 1), n=2))
    assert [together[index].finish.seed for index in range(2)] == [2**64 - 1, 0]


async def test_the_prompt_is_worked_off_once(served: Served) -> None:
    model = await served.load()
    together = await answers(served, asking(model, "x" * 60, sampling=WARM, n=4))
    cached = [together[index].finish.usage.cached_prompt_tokens for index in range(4)]
    assert cached[0] == 0
    assert all(count >= 48 for count in cached[1:]), cached


async def test_the_prompt_is_counted_once(served: Served) -> None:
    model = await served.load()
    await answers(served, asking(model, sampling=WARM, n=3))
    counted = served.registry.get_sample_value
    assert counted("colonnade_engine_tokens_total", {"model": "autoregressive", "kind": "prompt"}) == 5
    assert counted("colonnade_engine_tokens_total", {"model": "autoregressive", "kind": "completion"}) == 15


async def test_an_abort_ends_all_answers() -> None:
    gated = Gated()
    async with serving(load=Models(gated)) as served:
        model = await served.load()
        request = asking(model, max_tokens=80, n=3, request_id="mine", sampling=WARM)
        with bound(served.as_tenant("a")):
            running = asyncio.create_task(answers(served, request))
        await served.until(lambda stats: stats.outstanding_tokens > 0)
        gated.permits.release(3)
        with bound(served.as_tenant("a")):
            await served.call("Abort", pb.AbortRequest(request_id="mine"), pb.AbortResponse)
        async with gated.trickling():
            ended = await running
        assert {each.finish.reason for each in ended.values()} == {gen.FINISH_REASON_CANCELLED}
        assert len(ended) == 3


async def test_a_caller_who_leaves_frees_all_slots() -> None:
    gated = Gated()
    async with serving(load=Models(gated)) as served:
        model = await served.load()
        request = asking(model, max_tokens=80, n=4, sampling=WARM)
        async with aclosing(cast("Any", served.submit(request))) as chunks:
            gated.permits.release(3)
            async for _ in chunks:
                break
        async with gated.trickling():
            await served.until(lambda stats: stats.outstanding_tokens == stats.cache_bytes == 0)
        assert gated.forwards < 80


async def test_answers_that_do_not_all_fit_into_the_queue_leave_none_behind() -> None:
    async with serving(Limits(queue_capacity=3, max_sequences=1)) as served:
        model = await served.load()
        with pytest.raises(Overloaded):
            await answers(served, asking(model, n=8))
        await served.until(lambda stats: stats.outstanding_tokens == 0)
        assert (await served.answer(asking(model))).finish.usage.completion_tokens == 5


@pytest.mark.parametrize("n", [-1, MAX_ANSWERS + 1])
async def test_the_number_of_answers_is_limited(served: Served, n: int) -> None:
    model = await served.load()
    with pytest.raises(InvalidArgument) as refusal:
        await answers(served, asking(model, n=n))
    assert refusal.value.details["field"] == "n"


@pytest.mark.parametrize("temperature", [0.0, 1.0])
async def test_a_structured_answer_is_a_document_or_was_cut(served: Served, temperature: float) -> None:
    model = await served.load("transformer")
    request = asking(
        model,
        "x",
        max_tokens=90,
        n=4,
        sampling=gen.Sampling(temperature=temperature, seed=3, frequency_penalty=0.5, repetition_penalty=1.1),
        structure=gen.Structure(json_schema=json.dumps(SCHEMA)),
        logprobs=1,
    )
    ended = await answers(served, request)
    for got in ended.values():
        if got.finish.reason == gen.FINISH_REASON_STOP:
            jsonschema.validate(json.loads(got.text), SCHEMA)
        else:
            assert got.finish.usage.completion_tokens == 90
        assert all(token.HasField("logprob") for token in got.tokens)
    assert any(got.finish.reason == gen.FINISH_REASON_STOP for got in ended.values())


async def test_every_form_is_enforced(served: Served) -> None:
    model = await served.load("transformer")
    forms = {
        "[ab]{3}": gen.Structure(regex="[ab]{3}"),
        "yes|no": gen.Structure(grammar='start: "yes" | "no"'),
        r"\{.*": gen.Structure(json_object=True),
    }
    for pattern, form in forms.items():
        got = await served.answer(asking(model, structure=form, sampling=WARM, max_tokens=8))
        assert re.match(pattern, got.text), got.text


async def test_a_stop_string_cuts_a_structured_answer(served: Served) -> None:
    model = await served.load("transformer")
    form = gen.Structure(regex="x{5}-y{5}")
    got = await served.answer(asking(model, structure=form, stop=["-"], max_tokens=20))
    assert got.text == "xxxxx"
    assert (got.finish.reason, got.finish.stop) == (gen.FINISH_REASON_STOP, "-")


async def test_max_tokens_cuts_a_structured_answer(served: Served) -> None:
    model = await served.load("transformer")
    got = await served.answer(asking(model, structure=gen.Structure(regex="x{9}"), max_tokens=4))
    assert (got.text, got.finish.reason) == ("xxxx", gen.FINISH_REASON_LENGTH)


async def test_structured_and_free_answers_share_a_batch(served: Served) -> None:
    model = await served.load("transformer")
    free = asking(model, sampling=WARM, max_tokens=12)
    tied = asking(model, sampling=WARM, max_tokens=12, structure=gen.Structure(regex="[a-z]{12}"))
    alone = await served.answer(free), await served.answer(tied)
    together = await asyncio.gather(*(served.answer(each) for each in (free, tied, free, tied)))
    assert [each.text for each in together] == [alone[0].text, alone[1].text] * 2


@pytest.mark.parametrize(
    ("form", "field"),
    [
        (gen.Structure(json_schema="{"), "structure.json_schema"),
        (gen.Structure(json_schema='{"type": "text"}'), "structure.json_schema"),
        (gen.Structure(regex="("), "structure.regex"),
        (gen.Structure(grammar="nonsense"), "structure.grammar"),
    ],
    ids=["json", "schema", "regex", "grammar"],
)
async def test_a_form_that_cannot_be_used_is_refused_by_name(
    served: Served, form: gen.Structure, field: str
) -> None:
    model = await served.load("transformer")
    with pytest.raises(InvalidArgument) as refusal:
        await served.answer(asking(model, structure=form))
    assert refusal.value.details["field"] == field
    assert (await served.answer(asking(model))).finish.usage.completion_tokens == 5


async def test_a_family_that_does_not_decide_left_to_right_cannot(served: Served) -> None:
    model = await served.load("block_diffusion")
    with pytest.raises(Unsupported, match="structure"):
        await served.answer(asking(model, structure=gen.Structure(json_object=True)))


async def test_penalties_and_bias_reach_the_model(served: Served) -> None:
    model = await served.load()
    plain = await served.answer(asking(model, max_tokens=8))
    first = plain.tokens[0].id
    barred = await served.answer(asking(model, max_tokens=8, sampling=gen.Sampling(logit_bias={first: -100})))
    assert first not in {token.id for token in barred.tokens}
    assert barred.tokens[0].id != first
    forced = gen.Sampling(logit_bias={65: 100}, presence_penalty=100)
    got = await served.answer(asking(model, max_tokens=8, sampling=forced))
    assert got.tokens[0].id == 65
    assert len({token.id for token in got.tokens}) == 8


async def test_a_bias_on_a_token_that_there_is_not_is_refused(served: Served) -> None:
    model = await served.load()
    with pytest.raises(InvalidArgument) as refusal:
        await served.answer(asking(model, sampling=gen.Sampling(logit_bias={260: 1})))
    assert refusal.value.details["field"] == "logit_bias"
    assert "259" in refusal.value.message
