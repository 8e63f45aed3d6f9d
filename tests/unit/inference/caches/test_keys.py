"""What makes two requests the same. Whatever changes the answer changes the key."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.api.generation.v1.generation_pb2 import (
    Calls,
    Chat,
    ChatMessage,
    Generation,
    ModelRef,
    Sampling,
    Structure,
    TokenIds,
    Tool,
    ToolCall,
)
from colonnade.api.inference.v1.inference_pb2 import Caching, GenerateRequest
from colonnade.errors import InvalidArgument
from colonnade.inference.caches.keys import fingerprint
from colonnade.inference.caching_wire import CacheKeys, thresholds_of
from colonnade.inference.domain import Caching as Wanted

KEYS = CacheKeys({"faq": 0.9})
parts = st.lists(st.binary(max_size=8), max_size=5)


def chat(*contents: str, role: str = "user") -> Chat:
    messages = [ChatMessage(role="system", content="be brief")]
    return Chat(messages=[*messages, *(ChatMessage(role=role, content=content) for content in contents)])


def request(**fields: Any) -> GenerateRequest:
    given: dict[str, Any] = {
        "request_id": "r",
        "model": ModelRef(name="faq", version=1, digest="sha256:aa"),
        "chat": chat("how do I pay?"),
        "sampling": Sampling(top_p=1),
        "max_tokens": 8,
    } | fields
    if "prompt" in fields or "token_ids" in fields:
        del given["chat"]
    caching = given.pop("caching", None)
    return GenerateRequest(generation=Generation(**given), caching=caching)


def found(asked: GenerateRequest, tenant: str = "acme") -> Wanted:
    caching = KEYS.of(asked, tenant, None)
    assert caching is not None
    return caching


@given(parts, parts)
def test_equal_fingerprints_mean_equal_parts(one: list[bytes], other: list[bytes]) -> None:
    assert (fingerprint(one) == fingerprint(other)) == (one == other)


_SAMPLING: list[dict[str, Any]] = [
    {"top_k": 5}, {"top_p": 0.5}, {"min_p": 0.1}, {"repetition_penalty": 1.5}, {"seed": 0}, {"seed": 7},
    {"frequency_penalty": 0.5}, {"presence_penalty": 0.5}, {"logit_bias": {1: 0.5}}, {"logit_bias": {2: 0.5}},
    {"temperature": 0.5, "seed": 7}, {"temperature": 0.6, "seed": 7},
]  # fmt: skip
_FIELDS: list[dict[str, Any]] = [
    {"model": ModelRef(digest="sha256:bb")},
    {"model": ModelRef(digest="sha256:aa", adapter="sha256:cc")},
    {"chat": chat("how do I pay")},
    {"chat": chat("how do I", " pay?")},
    {"chat": chat("how do I pay?", role="assistant")},
    {"chat": Chat(messages=[ChatMessage(role="system", content="be brief"),
                            ChatMessage(role="user", content="how do I pay?", name="eve")])},
    {"chat": Chat(messages=chat("how do I pay?").messages, tools=[Tool(name="pay")])},
    {"prompt": "how do I pay?"},
    {"prompt": ""},
    {"token_ids": TokenIds(ids=[1, 23])},
    {"token_ids": TokenIds(ids=[12, 3])},
    {"max_tokens": 9},
    {"stop": ["a"]},
    {"stop": ["a", ""]},
    {"logprobs": 0},
    {"logprobs": 1},
    {"n": 2},
    {"structure": Structure(regex="a")},
    {"structure": Structure(grammar="a")},
    {"structure": Structure(json_schema="a")},
    {"structure": Structure(json_object=True)},
    {"structure": Structure(calls=Calls(tools=[Tool(name="pay")]))},
    {"structure": Structure(calls=Calls(tools=[Tool(name="pay")], required=True))},
    {"caching": Caching(policy_version="2")},
    *({"sampling": Sampling(**{"top_p": 1.0} | each)} for each in _SAMPLING),
]  # fmt: skip


def test_whatever_shapes_the_answer_makes_a_key_of_its_own() -> None:
    keys = [found(request()).place.key, *(found(request(**fields)).place.key for fields in _FIELDS)]
    keys += [found(request(), tenant).place.key for tenant in ("acm", "acme2", "")]
    assert len(set(keys)) == len(keys)


@given(st.text(max_size=6), st.text(max_size=6), st.text(max_size=6), st.text(max_size=6))
def test_tenants_policies_and_texts_do_not_run_into_each_other(
    tenant: str, policy: str, text: str, other: str
) -> None:
    """Whatever the names: parts that are moved from one to the other make another key."""
    one = found(request(prompt=text + other, caching=Caching(policy_version=policy)), tenant)
    two = found(request(prompt=text, caching=Caching(policy_version=policy + other)), tenant)
    three = found(request(prompt=text, caching=Caching(policy_version=policy)), tenant + other)
    keys = {one.place.key, two.place.key, three.place.key}
    assert len(keys) == (3 if other else 1)


@pytest.mark.parametrize(
    "fields",
    [
        {"request_id": "other"},
        {"priority": 3},
        {"session": "s"},
        {"model": ModelRef(name="renamed", version=2, digest="sha256:aa")},
    ],
    ids=["request_id", "priority", "session", "name"],
)
def test_what_does_not_shape_the_answer_makes_no_difference(fields: dict[str, Any]) -> None:
    assert found(request(**fields)).place == found(request()).place


def test_the_order_of_a_bias_makes_no_difference() -> None:
    one, other = dict.fromkeys(range(50), 1.0), dict.fromkeys(reversed(range(50)), 1.0)
    keys = {found(request(sampling=Sampling(logit_bias=bias))).place.key for bias in (one, other)}
    assert len(keys) == 1


@pytest.mark.parametrize(
    ("sampling", "caching", "applies"),
    [
        (Sampling(), None, True),
        (Sampling(temperature=0.5), None, False),
        (Sampling(temperature=0.5, seed=0), None, True),
        (Sampling(), Caching(off=True), False),
        (Sampling(), Caching(refresh=True), True),
    ],
    ids=["greedy", "drawn", "seeded", "off", "refresh"],
)
def test_what_may_be_kept(sampling: Sampling, caching: Caching | None, applies: bool) -> None:
    wanted = KEYS.of(request(sampling=sampling, caching=caching), "acme", None)
    assert (wanted is not None) == applies


def test_the_last_question_is_compared_and_all_else_is_equal() -> None:
    near = found(request(chat=chat("earlier", "how do I pay?"))).near
    assert near is not None
    assert (near.text, near.threshold) == ("how do I pay?", 0.9)
    other = found(request(chat=chat("earlier", "how can I pay?"))).near
    assert other is not None
    assert other.group == near.group
    before = found(request(chat=chat("another", "how do I pay?"))).near
    assert before is not None
    assert before.group != near.group


def test_questions_of_other_tenants_policies_versions_and_settings_are_in_other_groups() -> None:
    near = [found(request(**fields)).near for fields in _FIELDS]
    groups = [each.group for each in near if each is not None and each.text == "how do I pay?"]
    ours = found(request()).near
    theirs = found(request(), "umbrella").near
    assert ours is not None
    assert theirs is not None
    # A prompt and a conversation are two things; an answer with tools has none.
    assert ours.group not in {theirs.group, *groups}
    assert len(set(groups)) == len(groups)
    assert len(groups) >= 20


def test_other_numbers_are_another_question() -> None:
    groups = {
        near.group
        for text in ("what is 2 and 3?", "what is 23?", "what is 2 and 4?", "what is 2 or 3?")
        if (near := found(request(prompt=text)).near)
    }
    assert len(groups) == 3


_TOOL_TURN = ChatMessage(role="assistant", tool_calls=[ToolCall(id="1", name="pay")])
_EXACT_ONLY: dict[str, Callable[[], GenerateRequest]] = {
    "another model": lambda: request(model=ModelRef(name="tiny", digest="sha256:aa")),
    "personal": lambda: request(caching=Caching(personal=True)),
    "tokens": lambda: request(token_ids=TokenIds(ids=[1])),
    "tools": lambda: request(chat=Chat(messages=chat("x").messages, tools=[Tool(name="pay")])),
    "calls": lambda: request(structure=Structure(calls=Calls(tools=[Tool(name="pay")]))),
    "a tool's turn": lambda: request(chat=Chat(messages=[_TOOL_TURN, *chat("x").messages])),
    "the assistant last": lambda: request(chat=chat("x", role="assistant")),
    "no question": lambda: request(chat=chat("")),
    "a long one": lambda: request(prompt="x" * 2001),
}


@pytest.mark.parametrize("name", list(_EXACT_ONLY))
def test_what_is_compared_word_for_word(name: str) -> None:
    assert found(_EXACT_ONLY[name]()).near is None


def test_the_request_is_left_as_it_was() -> None:
    asked = request(model=ModelRef(name="faq", digest="sha256:aa"))
    before = asked.SerializeToString(deterministic=True)
    found(asked)
    assert asked.SerializeToString(deterministic=True) == before


def test_thresholds() -> None:
    assert thresholds_of("") == {}
    assert thresholds_of(" faq=0.95, help=1 ,") == {"faq": 0.95, "help": 1.0}


@pytest.mark.parametrize("setting", ["faq", "faq=", "=0.9", "faq=0", "faq=1.1", "faq=nan", "faq=x"])
def test_a_threshold_that_is_none(setting: str) -> None:
    with pytest.raises(InvalidArgument, match="similarities above 0"):
        thresholds_of(setting)
