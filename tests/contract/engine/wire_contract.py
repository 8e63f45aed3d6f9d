"""What every engine does for its callers, over the wire. Subclasses' modules have a fixture ``wire``."""

import json
import math
import re
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from colonnade.api.engine.v1 import engine_pb2 as pb
from colonnade.api.generation.v1 import generation_pb2 as gen
from colonnade.engine.text import Message
from colonnade.errors import ColonnadeError, Conflict, DeadlineExceeded, NotFound
from colonnade.models.adapters import bank_of
from colonnade.models.families.transformer import Transformer
from tests.contract.engine.alone import alone
from tests.contract.engine.cases import ASKS, Answer, Ask
from tests.contract.engine.suite import check_as_if_alone
from tests.contract.engine.wire import NO_END, Wire, ids, little_llama, whole
from tests.unit.engine.adapters import made
from tests.unit.engine.served import on_wire

QUICK = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
GREEDY = ASKS.map(lambda ask: replace(ask, temperature=0.0))
SAMPLED = ASKS.map(lambda ask: replace(ask, temperature=0.9, leaves_after=None))
SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {"kind": {"enum": ["fox", "dog"]}, "lazy": {"type": "boolean"}},
        "required": ["kind", "lazy"],
        "additionalProperties": False,
    }
)
LONG = "Colonnade serves language models of unlike kinds. " * 12


def _narrow(ask: Ask) -> Ask:
    """Floats have 32 bits on the wire."""
    names = ("temperature", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty")
    narrowed = {name: float(torch.tensor(getattr(ask, name), dtype=torch.float32)) for name in names}
    return replace(ask, **narrowed)  # type: ignore[arg-type]


class WireContract:
    """Every test leaves the engine idle, with its one model loaded."""

    @QUICK
    @given(asks=st.lists(GREEDY, min_size=2, max_size=6, unique=True))
    def test_the_most_likely_answers_are_those_of_the_plain_model(self, wire: Wire, asks: list[Ask]) -> None:
        check_as_if_alone(
            wire.engine, asks, lambda ask, jitter=0: alone(wire.reference, _narrow(ask), jitter)
        )

    @QUICK
    @given(asks=st.lists(SAMPLED, min_size=2, max_size=5, unique=True))
    def test_drawn_answers_do_not_depend_on_the_company(self, wire: Wire, asks: list[Ask]) -> None:
        def by_itself(ask: Ask, jitter: int = 0) -> Answer:
            return wire.engine.answers([ask])[0]

        check_as_if_alone(wire.engine, asks, by_itself)

    def test_a_seed_gives_one_answer_and_seeds_differ(self, wire: Wire) -> None:
        def asking(seed: int) -> gen.Generation:
            sampling = gen.Sampling(temperature=1.0, seed=seed, logit_bias=NO_END)
            return wire.asking(sampling=sampling, max_tokens=12)

        first, again, other = (ids(wire.answer(asking(seed))) for seed in (7, 7, 2**64 - 1))
        assert first == again != other

    def test_a_seed_that_was_not_given_is_told_and_gives_the_answer_again(self, wire: Wire) -> None:
        drawn = wire.answer(wire.asking(sampling=gen.Sampling(temperature=1.0)))
        again = gen.Sampling(temperature=1.0, seed=drawn.finish.seed)
        assert ids(wire.answer(wire.asking(sampling=again))) == ids(drawn)

    def test_several_answers_are_those_of_following_seeds(self, wire: Wire) -> None:
        def sampling(seed: int) -> gen.Sampling:
            return gen.Sampling(temperature=1.0, seed=seed, logit_bias=NO_END)

        (chunks,) = wire.chunks(wire.asking(n=3, sampling=sampling(5)))
        for index in range(3):
            mine = whole([chunk for chunk in chunks if chunk.index == index])
            single = wire.answer(wire.asking(sampling=sampling(5 + index)))
            assert (ids(mine), mine.text) == (ids(single), single.text)
            assert mine.finish.usage.completion_tokens == 8

    def test_a_stop_string_ends_the_text_before_it(self, wire: Wire) -> None:
        structure = gen.Structure(regex="abcdefgh")
        stopped = wire.answer(wire.asking(structure=structure, stop=["ef"], max_tokens=20))
        assert (stopped.text, stopped.finish.stop) == ("abcd", "ef")
        assert stopped.finish.reason == gen.FINISH_REASON_STOP

    def test_text_never_ends_inside_a_character(self, wire: Wire) -> None:
        """Of many bytes, each one or more tokens of this vocabulary."""
        structure = gen.Structure(regex="é€𝄞{2}ü")
        (chunks,) = wire.chunks(wire.asking(structure=structure, max_tokens=60))
        assert whole(chunks).text == "é€𝄞𝄞ü"
        assert len(chunks) > 2
        assert all("\ufffd" not in chunk.text for chunk in chunks)

    @pytest.mark.parametrize(
        ("structure", "pattern"),
        [
            (gen.Structure(regex="(yes|no)!"), "(yes|no)!"),
            (gen.Structure(grammar='start: "<" ("a" | "b")+ ">"'), "<[ab]+>"),
            (gen.Structure(json_schema=SCHEMA), r'(?s)\s*\{.*"kind".*"lazy".*\}'),
            (gen.Structure(json_object=True), r"(?s)\s*\{.*\}"),
        ],
        ids=["regex", "grammar", "json_schema", "json_object"],
    )
    def test_an_answer_has_the_form_that_is_asked_for(
        self, wire: Wire, structure: gen.Structure, pattern: str
    ) -> None:
        for seed in range(3):
            sampling = gen.Sampling(temperature=1.0, seed=seed)
            asked = wire.asking(structure=structure, sampling=sampling, max_tokens=120)
            answer = wire.answer(asked)
            if answer.finish.reason == gen.FINISH_REASON_STOP:
                assert re.fullmatch(pattern, answer.text), answer.text

    def test_a_call_has_the_form_of_its_tool(self, wire: Wire) -> None:
        tools = [gen.Tool(name="look", parameters=SCHEMA)]
        structure = gen.Structure(calls=gen.Calls(tools=tools, required=True))
        answer = wire.answer(wire.asking(structure=structure, max_tokens=250))
        body = re.fullmatch(r"(?s)<tool_call>\n(.*)\n</tool_call>", answer.text)
        assert body is not None, answer.text
        call = json.loads(body[1])
        assert call["name"] == "look"
        assert set(call["arguments"]) == {"kind", "lazy"}

    def test_logprobs_are_the_models_own(self, wire: Wire) -> None:
        sampling = gen.Sampling(temperature=1.5, seed=3, logit_bias=NO_END)
        answer = wire.answer(wire.asking(logprobs=3, sampling=sampling))
        prompt = wire.reference.tokenizer.encode("The quick")
        rows = _logprobs(wire, [*prompt, *ids(answer)])[len(prompt) - 1 :]
        for token, row_V in zip(answer.tokens, rows, strict=False):
            assert math.isclose(token.logprob, row_V[token.id], abs_tol=2e-3)
            best = row_V.topk(3)
            assert [each.id for each in token.top] == best.indices.tolist()
            told = torch.tensor([each.logprob for each in token.top])
            torch.testing.assert_close(told, best.values, atol=2e-3, rtol=0)

    def test_none_are_told_that_were_not_asked_for(self, wire: Wire) -> None:
        assert not any(token.HasField("logprob") for token in wire.answer(wire.asking()).tokens)

    def test_scores_are_the_models_own(self, wire: Wire) -> None:
        request = pb.ScoreRequest(model=wire.model, context="The quick brown", texts=[" fox", " dog jumps"])
        scored = wire.call("Score", request, pb.ScoreResponse)
        for text, score in zip(request.texts, scored.scores, strict=True):
            tokens = wire.reference.tokenizer.encode(request.context + text)
            context = wire.reference.tokenizer.encode(request.context)
            rows = _logprobs(wire, tokens)
            expected = [float(rows[at - 1][tokens[at]]) for at in range(len(context), len(tokens))]
            assert [token.id for token in score.tokens] == tokens[len(context) :]
            assert "".join(token.text for token in score.tokens) == text
            assert math.isclose(score.total_logprob, sum(expected), abs_tol=5e-3)

    def test_texts_scored_together_are_scored_as_alone(self, wire: Wire) -> None:
        texts = [" fox" + " jumps" * count for count in range(8)]

        def totals(texts: list[str]) -> list[float]:
            request = pb.ScoreRequest(model=wire.model, context="The quick brown", texts=texts)
            return [each.total_logprob for each in wire.call("Score", request, pb.ScoreResponse).scores]

        alone = [total for text in texts for total in totals([text])]
        assert totals(texts) == pytest.approx(alone, abs=5e-3)

    def test_a_conversation_is_rendered_by_the_models_template(self, wire: Wire) -> None:
        chat = gen.Chat(messages=[gen.ChatMessage(role="user", content="Jumps the <|im_end|> dog?")])
        template = wire.reference.template
        assert template is not None
        messages = [Message("user", "Jumps the <|im_end|> dog?")]
        expected = template.encode(wire.reference.tokenizer, messages)
        request = pb.TokenizeRequest(model=wire.model, chat=chat)
        assert list(wire.call("Tokenize", request, pb.TokenizeResponse).ids) == expected
        asked = gen.Generation(model=wire.model, chat=chat, max_tokens=4)
        same = gen.Generation(model=wire.model, token_ids=gen.TokenIds(ids=expected), max_tokens=4)
        answer = wire.answer(asked)
        assert answer.finish.usage.prompt_tokens == len(expected)
        assert ids(answer) == ids(wire.answer(same))

    def test_tokens_and_back(self, wire: Wire) -> None:
        request = pb.TokenizeRequest(model=wire.model, text="The lazy dog é€", with_texts=True)
        tokens = wire.call("Tokenize", request, pb.TokenizeResponse)
        assert "".join(tokens.texts) == request.text
        back = pb.DetokenizeRequest(model=wire.model, ids=tokens.ids)
        assert wire.call("Detokenize", back, pb.DetokenizeResponse).text == request.text

    def test_usage_and_times_add_up(self, wire: Wire) -> None:
        finish = wire.answer(wire.asking(sampling=gen.Sampling(logit_bias=NO_END), max_tokens=9)).finish
        usage, times = finish.usage, finish.timings
        assert finish.reason == gen.FINISH_REASON_LENGTH
        assert usage.completion_tokens == 9
        assert usage.prompt_tokens == len(wire.reference.tokenizer.encode("The quick"))
        parts = times.queue_seconds + times.prefill_seconds
        assert math.isclose(times.time_to_first_token_seconds, parts, abs_tol=1e-3)
        assert times.decode_seconds > 0
        assert finish.model.digest == wire.model.digest

    def test_a_prompt_that_came_before_is_not_worked_off_again_but_for_another_tenant(
        self, wire: Wire
    ) -> None:
        prompt = f"{LONG}{id(wire)}"
        cached = []
        for tenant in ("a", "a", "b"):
            with wire.as_tenant(tenant):
                usage = wire.answer(wire.asking(prompt)).finish.usage
            cached.append(usage.cached_prompt_tokens)
            assert usage.cached_prompt_tokens < usage.prompt_tokens
        assert cached[0] == cached[2] == 0 < cached[1]

    def test_who_leaves_frees_the_slot(self, wire: Wire) -> None:
        async def leave() -> None:
            asked = wire.asking(sampling=gen.Sampling(logit_bias=NO_END), max_tokens=4000)
            request = pb.SubmitRequest(generation=asked)
            async for _ in wire.peer.stream(wire.stub.Submit, request, pb.SubmitResponse):
                break

        wire.run(leave())
        assert not any(wire.engine.held().values())

    def test_an_abort_is_for_ones_own_requests(self, wire: Wire) -> None:
        with wire.as_tenant("owner"):
            reasons = wire.run(self._aborted(wire))
        assert reasons == [gen.FINISH_REASON_CANCELLED]

    async def _aborted(self, wire: Wire) -> list[int]:
        asked = wire.asking(request_id="mine", sampling=gen.Sampling(logit_bias=NO_END), max_tokens=4000)
        reasons: list[int] = []
        request = pb.AbortRequest(request_id="mine")
        stream = wire.peer.stream(wire.stub.Submit, pb.SubmitRequest(generation=asked), pb.SubmitResponse)
        async for response in stream:
            if response.chunk.HasField("finish"):
                reasons.append(response.chunk.finish.reason)
                continue
            if not reasons and not response.chunk.finish.ByteSize():
                with wire.as_tenant("stranger"):
                    assert not (await wire.acall("Abort", request, pb.AbortResponse)).found
                await wire.acall("Abort", request, pb.AbortResponse)
        return reasons

    def test_what_the_deadline_leaves_time_for_arrives(self, wire: Wire) -> None:
        asked = wire.asking(sampling=gen.Sampling(logit_bias=NO_END), max_tokens=8000)
        answer = _in_time(wire, asked, (2.0, 3.0, 4.0))
        assert answer.finish.reason == gen.FINISH_REASON_DEADLINE
        assert 0 < len(answer.tokens) == answer.finish.usage.completion_tokens < 8000

    @pytest.mark.parametrize(
        ("more", "field"),
        [
            ({"structure": gen.Structure(regex="(")}, "structure.regex"),
            ({"structure": gen.Structure(json_schema='{"type": 3}')}, "structure.json_schema"),
            ({"sampling": gen.Sampling(temperature=-1)}, "temperature"),
            ({"sampling": gen.Sampling(logit_bias={100_000: 1.0})}, "logit_bias"),
            ({"logprobs": 21}, "logprobs"),
            ({"n": 17}, "n"),
            ({"max_tokens": 0}, "max_tokens"),
            ({"prompt": "word " * 9000}, "prompt"),
            ({"prompt": ""}, "prompt"),
        ],
        ids=lambda value: value if isinstance(value, str) else "",
    )
    def test_what_cannot_be_is_refused_by_name(self, wire: Wire, more: dict[str, Any], field: str) -> None:
        with pytest.raises(ColonnadeError) as refused:
            wire.answer(wire.asking(**more))
        assert (refused.value.code, refused.value.details["field"]) == ("invalid_argument", field)

    def test_a_model_that_is_not_loaded_is_not_found(self, wire: Wire) -> None:
        with pytest.raises(NotFound):
            wire.answer(wire.asking(model=gen.ModelRef(digest="sha256:" + "1" * 64)))

    def test_figures_tell_of_the_model(self, wire: Wire) -> None:
        stats = wire.stats()
        (loaded,) = stats.models
        assert loaded.model == wire.model
        assert (loaded.family, loaded.context_length) == ("transformer", 8192)
        assert {"generate", "logprobs", "score", "structure"} <= set(loaded.capabilities)
        assert 0 < stats.memory_used_bytes <= stats.memory_budget_bytes
        assert stats.cache_limit_bytes > 0
        assert (loaded.running, loaded.waiting, stats.cache_bytes, stats.outstanding_tokens) == (0, 0, 0, 0)

    def test_a_model_in_use_is_not_unloaded(self, wire: Wire) -> None:
        async def in_the_middle() -> None:
            asked = wire.asking(sampling=gen.Sampling(logit_bias=NO_END), max_tokens=4000)
            stream = wire.peer.stream(wire.stub.Submit, pb.SubmitRequest(generation=asked), pb.SubmitResponse)
            async for _ in stream:
                request = pb.UnloadRequest(digest=wire.model.digest)
                with pytest.raises(Conflict):
                    await wire.acall("Unload", request, pb.UnloadResponse)
                break

        wire.run(in_the_middle())
        assert not any(wire.engine.held().values())

    def test_a_changed_file_is_not_loaded(self, wire: Wire, tmp_path: Path) -> None:
        other = wire.run(little_llama(wire.blobs, tmp_path, name="changed", seed=8))
        artefacts = [
            replace(each, digest=each.digest[:-4] + "0000") if each.path == "config.json" else each
            for each in other.manifest.artefacts
        ]
        manifest = replace(other.manifest, artefacts=artefacts)
        with pytest.raises(Conflict):
            wire.load(replace(other, manifest=manifest))

    def test_an_adapter_changes_the_answers_that_name_it(self, wire: Wire, tmp_path: Path) -> None:
        model = wire.reference.model
        bank = bank_of(model)
        assert bank is not None
        manifest = wire.run(made.put(wire.blobs, bank.sites, wire.model.digest, tmp_path, size=0.5))
        request = pb.LoadAdapterRequest(model_digest=wire.model.digest, manifest=on_wire(manifest))
        wire.call("LoadAdapter", request, pb.LoadAdapterResponse, timeout=60)
        digest = manifest.ref.digest
        assert list(wire.stats().models[0].adapters) == [digest]
        named = gen.ModelRef(digest=wire.model.digest, adapter=digest)
        ban = gen.Sampling(logit_bias=NO_END)
        plain, adapted = wire.chunks(wire.asking(sampling=ban), wire.asking(model=named, sampling=ban))
        assert ids(whole(plain)) != ids(whole(adapted))
        assert whole(adapted).finish.model.adapter == digest
        assert ids(whole(plain)) == ids(wire.answer(wire.asking(sampling=ban)))
        leaving = pb.UnloadAdapterRequest(adapter_digest=digest)
        assert wire.call("UnloadAdapter", leaving, pb.UnloadAdapterResponse).found
        with pytest.raises(NotFound):
            wire.answer(wire.asking(model=named))

    def test_many_at_once_all_come_through(self, wire: Wire) -> None:
        asked = [wire.asking(f"{LONG}{number}", priority=number % 5 - 2) for number in range(24)]
        answers = [whole(chunks) for chunks in wire.chunks(*asked)]
        assert all(answer.finish.usage.completion_tokens == len(answer.tokens) for answer in answers)
        assert not any(wire.engine.held().values())

    def test_too_late_is_told_as_such(self, wire: Wire) -> None:
        request = pb.ScoreRequest(model=wire.model, context="The", texts=[LONG] * 40)
        with pytest.raises(DeadlineExceeded):
            wire.call("Score", request, pb.ScoreResponse, timeout=0.02)
        assert not any(wire.engine.held().values())


def _in_time(wire: Wire, asked: gen.Generation, deadlines: tuple[float, ...]) -> gen.Chunk:
    """An answer that its deadline broke off, with more time on a machine that stands still for a moment."""
    *tries, last = deadlines
    for seconds in tries:
        with suppress(DeadlineExceeded):
            return wire.answer(asked, timeout=seconds)
    return wire.answer(asked, timeout=last)


def _logprobs(wire: Wire, tokens: list[int]) -> torch.Tensor:
    """Of what follows each token, by the plain model."""
    model = wire.reference.model
    assert isinstance(model, Transformer)
    with torch.inference_mode():
        return model.forward_full(torch.tensor([tokens]))[0].float().log_softmax(-1)
