"""Whatever is drawn, the answer has its form; and the state is a function of the tokens."""

import json
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.engine.structure import Form, Matcher, Structure
from colonnade.engine.structure import matcher as module
from colonnade.errors import Internal, InvalidArgument
from tests.unit.engine.structure.walking import END, SHARED, TEXT, allowed, answer, grammars, matcher

_NAMES = st.sampled_from(["a", "b_c", "d e", "é", 'q"'])
_VALUES = st.lists(
    st.one_of(st.text(max_size=3), st.integers(-(2**53), 2**53), st.booleans()), min_size=1, max_size=3
)
_LEAVES = st.one_of(
    st.builds(
        lambda low, more: {"type": "integer", "minimum": low, "maximum": low + more},
        st.integers(-99, 99),
        st.integers(0, 500),
    ),
    st.sampled_from(
        [
            {"type": "boolean"},
            {"type": "null"},
            {"type": "integer", "multipleOf": 7},
            {"type": "string", "pattern": "^[a-c]{2,4}$"},
            {"type": "string", "format": "date"},
            {"const": {"k": [1, None]}},
        ]
    ),
    st.builds(lambda most: {"type": "string", "maxLength": most}, st.integers(0, 6)),
    st.builds(lambda values: {"enum": values}, _VALUES),
)


def _objects(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    def build(properties: dict[str, Any], required: int) -> dict[str, Any]:
        names = list(properties)[:required]
        return {"type": "object", "properties": properties, "required": names, "additionalProperties": False}

    return st.builds(build, st.dictionaries(_NAMES, parts, max_size=3), st.integers(0, 3))


def _arrays(parts: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda items, low, more: {"type": "array", "items": items, "minItems": low, "maxItems": low + more},
        parts,
        st.integers(0, 2),
        st.integers(0, 2),
    )


SCHEMAS = st.recursive(
    _LEAVES,
    lambda parts: st.one_of(
        _objects(parts), _arrays(parts), st.builds(lambda one, two: {"anyOf": [one, two]}, parts, parts)
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=120)
@given(SCHEMAS, st.integers(0, 99))
def test_what_ends_is_a_document_of_its_schema(schema: dict[str, Any], seed: int) -> None:
    tokens, ended = answer(matcher(Form.JSON_SCHEMA, json.dumps(schema)), seed, most=300)
    if ended:
        jsonschema.validate(json.loads(TEXT.decode(tokens)), schema)


def test_most_answers_end() -> None:
    schema = json.dumps({"type": "array", "items": {"type": "boolean"}, "maxItems": 3})
    assert sum(answer(matcher(Form.JSON_SCHEMA, schema), seed)[1] for seed in range(20)) == 20


def test_any_object() -> None:
    state, text = matcher(Form.JSON_OBJECT), ""
    for part in ('{"a', '":', " [1,", '{"b":"\\n', '"}', "], ", '"c', '": nul', "l}"):
        tokens = TEXT.encode(part)
        state.follow(tokens)
        text += part
        assert (END in allowed(state)) == (text.endswith("l}"))
    assert allowed(state) == {END}
    assert json.loads(text) == {"a": [1, {"b": "\n"}], "c": None}


@pytest.mark.parametrize("pattern", [r"[a-f]{2,5}(-\d+)?", r"(ja|nein)!*", r"\p{Lu}é?.", "x?"])
@pytest.mark.parametrize("seed", range(3))
def test_a_regular_expression_matches_the_whole_text(pattern: str, seed: int) -> None:
    tokens, ended = answer(matcher(Form.REGEX, pattern), seed)
    assert ended
    own = pattern.replace(r"\p{Lu}", r"[^\W\d_a-z]")
    assert re.fullmatch(own, TEXT.decode(tokens))


@pytest.mark.parametrize("seed", range(3))
def test_a_grammar(seed: int) -> None:
    lark = 'start: sum\nsum: term ("+" term){0,3}\nterm: NUMBER | "(" NUMBER ")"\nNUMBER: /[1-9][0-9]{0,2}/'
    tokens, ended = answer(matcher(Form.GRAMMAR, lark), seed)
    assert ended
    assert re.fullmatch(r"(\d+|\(\d+\))(\+(\d+|\(\d+\))){0,3}", TEXT.decode(tokens))


def test_properties_come_in_the_order_of_the_schema() -> None:
    schema = (
        '{"type": "object", "properties": {"z": {"const": 1}, "a": {"const": 2}}, "required": ["z", "a"]}'
    )
    state = matcher(Form.JSON_SCHEMA, schema)
    state.follow(TEXT.encode('{"z": 1, "a": 2'))
    assert END not in allowed(state)


def test_white_space_does_not_go_on_for_ever() -> None:
    state = matcher(Form.JSON_OBJECT)
    state.follow(TEXT.encode("{" + " " * 20))
    assert not allowed(state) & set(TEXT.encode(" \n\t"))


@settings(deadline=None, max_examples=60)
@given(SCHEMAS, st.integers(0, 99), st.data())
def test_the_state_is_a_function_of_the_tokens(
    schema: dict[str, Any], seed: int, data: st.DataObject
) -> None:
    """However tokens were cut into steps, and whatever was only looked at."""
    form = Structure(Form.JSON_SCHEMA, json.dumps(schema))
    tokens, _ = answer(SHARED.compile(form).matcher(), seed, most=60)
    state, at = SHARED.compile(form).matcher(), 0
    while at < len(tokens):
        ahead = data.draw(st.integers(0, min(5, len(tokens) - at)), "ahead")
        fresh = grammars().compile(form).matcher() if ahead == 5 else SHARED.compile(form).matcher()
        fresh.follow(tokens[: at + ahead])
        assert allowed(state, tokens[at : at + ahead]) == allowed(fresh)
        step = data.draw(st.integers(1, 4), "step")
        state.follow(tokens[at : at + step])
        at += step


def test_after_an_end_or_what_is_not_allowed_only_the_end_may_follow() -> None:
    state = matcher(Form.REGEX, "a+")
    a, b = TEXT.encode("ab")
    assert allowed(state) == {a}
    assert allowed(state, [a]) == {a, END}
    assert allowed(state, [a, END]) == {END}
    assert allowed(state, [a, END, a]) == {END}
    assert allowed(state, [b]) == {END}
    assert allowed(state) == {a}, "none of that was kept"


def test_an_answer_that_left_its_grammar_is_a_fault_of_ours() -> None:
    with pytest.raises(Internal):
        matcher(Form.REGEX, "a+").follow(TEXT.encode("b"))


def test_a_grammar_that_becomes_too_complex_ends_its_request_by_name() -> None:
    state = matcher(Form.GRAMMAR, 'start: a{1000000}\na: "x"')
    with pytest.raises(InvalidArgument) as refusal:
        _walk(state, "xxx")
    assert refusal.value.details["field"] == "structure.grammar"
    assert "too complex" in refusal.value.message


def _walk(state: Matcher, text: str) -> None:
    for token in TEXT.encode(text):
        allowed(state)
        state.follow([token])


def test_a_mask_that_takes_too_long_ends_its_request(monkeypatch: pytest.MonkeyPatch) -> None:
    state = matcher(Form.REGEX, "a+")
    monkeypatch.setattr(module, "MAX_SECONDS", 0.0)
    with pytest.raises(InvalidArgument, match="too complex"):
        state.allowed(())
