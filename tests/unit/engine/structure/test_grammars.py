"""What cannot be compiled is refused by name, with the reason; what can is compiled once."""

import json

import pytest

from colonnade.engine.structure import Form, Grammars, Structure
from colonnade.engine.structure import grammars as module
from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge, Unsupported
from tests.unit.engine.structure.walking import END, VOCABULARY, grammars
from tests.unit.engine.toys import spelling

REFUSED = {
    "not JSON": (Form.JSON_SCHEMA, "{", "not JSON"),
    "not a number": (Form.JSON_SCHEMA, '{"minimum": NaN}', "not JSON"),
    "not exact": (Form.JSON_SCHEMA, '{"enum": [9007199254740993]}', "2^53"),
    "not a number at all": (Form.JSON_SCHEMA, '{"enum": [-' + "9" * 5000 + "]}", "2^53"),
    "deep": (Form.JSON_SCHEMA, '{"items":' * 5000 + "{}" + "}" * 5000, "deeply"),
    "deep for the library": (Form.JSON_SCHEMA, '{"items":' * 500 + "{}" + "}" * 500, "recursion"),
    "a list": (Form.JSON_SCHEMA, "[]", "object"),
    "an unknown type": (Form.JSON_SCHEMA, '{"type": "text"}', "text"),
    "what is not enforced": (Form.JSON_SCHEMA, '{"not": {"type": "null"}}', "not"),
    "not even leniently": (Form.JSON_SCHEMA, '{"x-guidance": {"lenient": true}, "not": {}}', "not"),
    "elsewhere": (Form.JSON_SCHEMA, '{"$ref": "https://example.org/schema"}', "example.org"),
    "impossible": (Form.JSON_SCHEMA, '{"type": "string", "enum": [1]}', ""),
    "endless": (Form.JSON_SCHEMA, '{"$ref": "#"}', ""),
    "many steps": (Form.JSON_SCHEMA, '{"type": "integer", "multipleOf": 99999999}', "multipleOf"),
    "many together": (
        Form.JSON_SCHEMA,
        '{"allOf": [{"multipleOf": 9973}, {"multiple\\u004ff": 9967.5}]}',
        "multipleOf",
    ),
    "an open group": (Form.REGEX, "a(b", "unclosed"),
    "looking ahead": (Form.REGEX, "(?=a)b", "look"),
    "nothing": (Form.REGEX, "", "empty"),
    "deep groups": (Form.REGEX, "(" * 2000 + ")" * 2000, ""),
    "a broken grammar": (Form.GRAMMAR, 'start: "a', ""),
    "no start": (Form.GRAMMAR, 'begin: "a"', "start"),
    "an endless grammar": (Form.GRAMMAR, "start: start", ""),
    "nested": (Form.GRAMMAR, "start: " + "(" * 7000 + '"a"' + ")" * 7000, "nested"),
    "a schema inside": (Form.GRAMMAR, 'start: %json {"multipleOf": 99999999}', "%json"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_used_is_refused_with_the_reason(what: str) -> None:
    form, text, reason = REFUSED[what]
    with pytest.raises(ColonnadeError) as refusal:
        grammars().compile(Structure(form, text))
    assert isinstance(refusal.value, InvalidArgument)
    assert refusal.value.details["field"] == f"structure.{form}"
    assert reason in refusal.value.message
    assert "\n" not in refusal.value.message
    assert len(refusal.value.message) < 500


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (Form.JSON_SCHEMA, json.dumps({"description": "x" * 65536})),
        (Form.REGEX, "é" * 2049),
        (Form.GRAMMAR, "start: " + '"a" ' * 5000),
        (Form.JSON_OBJECT, "{}"),
    ],
    ids=lambda value: str(value)[:12],
)
def test_sizes_are_limited(form: Form, text: str) -> None:
    with pytest.raises(TooLarge) as refusal:
        Structure(form, text)
    assert refusal.value.details["field"] == f"structure.{form}"


def test_a_form_is_compiled_once_and_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CAPACITY", 2)
    kept = grammars()
    first, second, third = (Structure(Form.REGEX, letter) for letter in "abc")
    compiled = kept.compile(first)
    kept.compile(second)
    assert kept.compile(first) is compiled
    kept.compile(third)
    assert len(kept) == 2
    assert kept.compile(first) is compiled
    assert kept.compile(second) is kept.compile(Structure(Form.REGEX, "b"))


def test_what_all_forms_need_is_made_once_and_ahead() -> None:
    asked: list[str] = []

    def definition() -> str:
        asked.append("")
        return spelling.definition()

    kept = Grammars(definition, VOCABULARY, {END})
    kept.prepare()
    for letter in "ab":
        kept.compile(Structure(Form.REGEX, letter))
    assert len(asked) == 1


def test_a_model_that_cannot_is_not_refused_before_it_is_asked() -> None:
    Grammars(lambda: "{}", VOCABULARY, {END}).prepare()
    Grammars(spelling.definition, VOCABULARY, ()).prepare()


def test_a_model_without_an_end_cannot() -> None:
    with pytest.raises(Unsupported, match="end token"):
        Grammars(spelling.definition, VOCABULARY, ()).compile(Structure(Form.JSON_OBJECT))


def test_a_tokenizer_that_the_library_does_not_know_is_unsupported() -> None:
    with pytest.raises(Unsupported, match="tokenizer"):
        Grammars(lambda: "{}", VOCABULARY, {END}).compile(Structure(Form.JSON_OBJECT))
