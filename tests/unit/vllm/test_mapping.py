"""Requests in vLLM's words, and its answers in ours."""

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.engine.sampling import Sampling
from colonnade.engine.sequence import MAX_PRIORITY, PRIORITY_SECONDS
from colonnade.engine.structure import Calls, Form, Signature, Structure
from colonnade.models.protocol import SampledToken
from colonnade.vllm.mapping import draw_of, drawn_tokens, scored_tokens, structure_of
from colonnade.vllm.ports import Lora
from tests.unit.engine.work import sequence
from tests.unit.vllm.conftest import runtime_on
from tests.unit.vllm.fake import FakeBackend

RUNTIME = runtime_on(FakeBackend())


@dataclass(frozen=True)
class Told:
    logprob: float
    rank: int


def test_every_setting_has_its_word() -> None:
    sampling = Sampling(
        temperature=0.7, top_k=5, top_p=0.9, min_p=0.05, repetition_penalty=1.3, seed=2**64 - 1, logprobs=4,
        frequency_penalty=0.5, presence_penalty=-0.5, logit_bias={3: 1.5},
    )  # fmt: skip
    asked = sequence(RUNTIME, "hello", 7, sampling=sampling, stop_ids=frozenset({9, 2}), stop=["x"])
    assert draw_of(asked).sampling == {
        "max_tokens": 7, "temperature": 0.7, "top_k": 5, "top_p": 0.9, "min_p": 0.05,
        "repetition_penalty": 1.3, "frequency_penalty": 0.5, "presence_penalty": -0.5,
        "logit_bias": {3: 1.5}, "seed": 2**64 - 1, "logprobs": 4, "stop_token_ids": [2, 9],
        "ignore_eos": True, "detokenize": False,
    }  # fmt: skip


def test_settings_that_are_off_change_nothing() -> None:
    asked = draw_of(sequence(RUNTIME))
    assert asked.sampling["logit_bias"] is asked.sampling["logprobs"] is None
    assert (asked.structure, asked.lora, asked.salt) == ({}, None, "tenant")


def test_an_adapter_and_a_name_of_its_own_go_along(tmp_path: object) -> None:
    lora = Lora("sha256:1", 4, RUNTIME.model.folder)  # type: ignore[attr-defined]
    first, second = (draw_of(sequence(RUNTIME, request_id="same"), lora) for _ in range(2))
    assert first.lora is lora
    assert first.name != second.name, "answers of one request are requests of their own to vLLM"


@given(
    st.lists(
        st.tuples(st.floats(0, 1e7, allow_nan=False), st.integers(-MAX_PRIORITY, MAX_PRIORITY)), min_size=2
    )
)
def test_who_goes_first_is_the_same_in_both_words(arrivals: list[tuple[float, int]]) -> None:
    asked = [sequence(RUNTIME, "a", arrived=arrived, priority=priority) for arrived, priority in arrivals]
    ours = sorted(asked, key=lambda each: each.turn)
    theirs = [draw_of(each).priority for each in ours]
    assert theirs == sorted(theirs)
    assert draw_of(sequence(RUNTIME, "a", priority=1)).priority == -1000 * PRIORITY_SECONDS


@pytest.mark.parametrize(
    ("structure", "kind", "text"),
    [
        (Structure(Form.REGEX, "a+"), "regex", "a+"),
        (Structure(Form.GRAMMAR, 'start: "a"'), "grammar", 'start: "a"'),
    ],
    ids=["regex", "grammar"],
)
def test_forms_that_vllm_knows_go_as_they_are(structure: Structure, kind: str, text: str) -> None:
    assert structure_of(structure) == {kind: text}


def test_a_schema_goes_with_our_own_rules_of_what_may_stand_between() -> None:
    for structure in (Structure(Form.JSON_SCHEMA, '{"type": "array"}'), Structure(Form.JSON_OBJECT)):
        schema = json.loads(structure_of(structure)["json"])
        assert schema["type"] == ("array" if structure.text else "object")
        assert schema["x-guidance"]["lenient"] is False


def test_calls_become_a_grammar() -> None:
    structure = Calls([Signature("look")], required=True).structure()
    assert "<tool_call>" in structure_of(structure)["grammar"]


def test_rivals_are_the_most_likely_ones_best_first() -> None:
    told = {7: Told(-3.0, 9), 1: Told(-0.5, 1), 2: Told(-1.0, 2)}
    assert drawn_tokens([7], [told], 2) == [SampledToken(7, -3.0, [(1, -0.5), (2, -1.0)])]
    assert drawn_tokens([7], [told], 0) == [SampledToken(7, -3.0, [])]
    assert drawn_tokens([7], None, 0) == [SampledToken(7)]


def test_a_prompts_first_token_has_no_score() -> None:
    told = [None, {5: Told(-1.0, 3)}, {6: Told(-2.0, 1), 5: Told(-2.5, 2)}]
    assert scored_tokens([4, 5, 6], told) == [SampledToken(5, -1.0), SampledToken(6, -2.0)]
