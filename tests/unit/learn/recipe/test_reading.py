"""A recipe is read as it is written, and refused by the field that does not fit."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument, NotFound
from colonnade.learn.recipe import Recipe, read_recipe
from colonnade.learn.recipe.reading import parse_recipe
from tests.unit.learn.recipes import recipe

_TEXT = """
name: debug
data:
  sources:
    - {kind: text, name: docs, paths: ["docs/**/*.txt"]}
  tokenizer: {kind: train, vocabulary: 512}
model: {preset: debug, with: {context_length: 256}}
steps: 10
optimiser: {name: adamw, learning_rate: 3e-4}
schedule: {kind: wsd, warm_up: 2}
"""


_EXAMPLES: dict[str, Any] = {"sources": [{"name": "chats", "paths": ["a.jsonl"], "longest": 64}]}
_CHAT: dict[str, Any] = {"data": None, "examples": _EXAMPLES, "model": {"preset": None, "from": "/m"}}
_PAIRS: dict[str, Any] = _CHAT | {
    "examples": _EXAMPLES | {"kind": "preferences"},
    "objective": {"kind": "dpo"},
    "tuning": {"kind": "lora"},
}


def test_says_what_it_says_and_fills_in_the_rest() -> None:
    found = parse_recipe(_TEXT)
    assert found.optimiser.learning_rate == 3e-4
    assert found.model.with_ == {"context_length": 256}
    assert found.batch.tokens == 256
    again = Recipe.model_validate_json(found.model_dump_json(by_alias=True))
    assert again == found
    assert again.digest == found.digest


def test_changes_stand_before_what_the_file_says() -> None:
    found = parse_recipe(_TEXT, ["steps=7", "optimiser.learning_rate=1e-2", "batch.packing=documents"])
    assert (found.steps, found.optimiser.learning_rate, found.batch.packing) == (7, 0.01, "documents")


@pytest.mark.parametrize("change", ["steps", "=3", "a..b=3", "name.more=3"])
def test_a_change_that_is_none_is_refused(change: str) -> None:
    with pytest.raises(InvalidArgument):
        parse_recipe(_TEXT, [change])


def test_only_what_decides_the_weights_is_in_the_digest() -> None:
    base = recipe(Path("/a"))
    for same in (
        recipe(Path("/b")),
        recipe(Path("/a"), name="x", reports={"every": 1}, output={"card": "hi"}),
    ):
        assert same.digest == base.digest
    changed: list[dict[str, Any]] = [
        {"seed": 9}, {"steps": 13}, {"batch": {"rows": 8}}, {"data": {"split": {"validation": 0.2}}},
        {"model": {"with": {"layers": 2}}}, {"mixture": {"stories": 2}}, {"precision": {"kind": "bfloat16"}},
    ]  # fmt: skip
    digests = {recipe(Path("/a"), **each).digest for each in changed}
    assert len(digests | {base.digest}) == len(changed) + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1, 2]", "a recipe is a YAML mapping"),
        ("name: [", "not YAML"),
        ("name: debug", "model: Field required"),
        (_TEXT.replace("data:", "x:"), "x: Extra inputs are not permitted"),
        (_TEXT.replace("steps: 10", "steps: ten"), "steps: Input should be a valid integer"),
        (_TEXT + "colour: red\n", "colour: Extra inputs are not permitted"),
        (_TEXT.replace("adamw", "adamz"), "optimiser.name"),
        (_TEXT + "mixture: {other: 1}\n", "which is no source of data.sources"),
        (_TEXT + "mixture: {docs: 0}\n", "one source at least must have a weight above 0"),
        (_TEXT.replace("name: debug", "name: De Bug"), "name: String should match pattern"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(InvalidArgument) as caught:
        parse_recipe(text)
    assert said in caught.value.message


@given(st.text(max_size=200))
def test_any_text_is_a_recipe_or_a_refusal(text: str) -> None:
    with pytest.raises(ColonnadeError):
        parse_recipe(text)


@given(
    st.dictionaries(
        st.sampled_from(sorted(Recipe.model_fields)),
        st.recursive(
            st.none() | st.integers() | st.text(max_size=9),
            lambda inner: (
                st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
            ),
        ),
    )
)
def test_any_document_is_a_recipe_or_a_refusal(said: dict[str, Any]) -> None:
    with pytest.raises(ColonnadeError):
        parse_recipe(json.dumps(said))


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"there is no recipe none\.yaml"):
        read_recipe(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidArgument, match="cannot be read as text"):
        read_recipe(tmp_path / "bytes.yaml")
    (tmp_path / "large.yaml").write_text("# " + "x" * (1 << 20))
    with pytest.raises(InvalidArgument, match="at most"):
        read_recipe(tmp_path / "large.yaml")


def test_recipes_of_before_have_the_digest_that_they_had() -> None:
    before = "sha256:46af41f69074edefa94ff44f2fbbe9596923a27b18994fec44edd399fa012a0e"
    assert recipe(Path("/a")).digest == before


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"model": {"preset": None}}, "say preset for a new model, or from"),
        ({"model": {"from": "/m"}}, "one of the two"),
        ({"model": {"preset": None, "from": "/m", "with": {"layers": 2}}}, "with changes a preset"),
        ({"model": {"preset": None, "from": "/m"}}, "starts from a model has its tokenizer"),
        ({"data": {"tokenizer": None}}, "only model.from stands in for it"),
        ({"tuning": {"kind": "lora"}}, "name it: model.from"),
        ({"output": {"merged": True}}, "nothing to merge"),
        ({"tuning": {"kind": "lora", "rank": 0}}, "rank"),
        ({"tuning": {"kind": "prefix"}}, "tuning"),
        ({"data": None}, "say data for raw text, or examples"),
        ({"examples": _EXAMPLES}, "one of the two"),
        ({"data": None, "examples": _EXAMPLES}, "name it: model.from"),
        (_CHAT | {"batch": {"tokens": 32}}, "longest is 64, batch.tokens 32"),
        (_CHAT | {"mixture": {"chats": 1}}, "which is no source of data.sources"),
        (_CHAT | {"objective": {"kind": "dpo"}}, "dpo learns from examples"),
        (_CHAT | {"examples": _EXAMPLES | {"kind": "preferences"}}, "dpo learns from examples"),
        (_PAIRS | {"tuning": {"kind": "full"}}, "say tuning: {kind: lora}"),
        (_PAIRS | {"optimiser": {"name": "sophia"}}, "name another for dpo"),
        (_PAIRS | {"batch": {"rows": 1}}, "a pair is two rows"),
        (_PAIRS | {"objective": {"kind": "dpo", "beta": 0}}, "objective.dpo.beta"),
        (_CHAT | {"examples": {"sources": [*_EXAMPLES["sources"]] * 2}}, "chats is there twice"),
    ],
)
def test_what_a_run_starts_from_is_said_once(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidArgument, match=said):
        recipe(Path("/a"), **changes)


def test_of_examples_and_an_objective_all_counts_but_where_files_lie() -> None:
    base = recipe(Path("/a"), **_PAIRS)
    moved = _EXAMPLES | {"kind": "preferences", "sources": [_EXAMPLES["sources"][0] | {"paths": ["b.jsonl"]}]}
    assert recipe(Path("/a"), **_PAIRS | {"examples": moved}).digest == base.digest
    for changed in (
        {"objective": {"kind": "dpo", "beta": 0.3}},
        {"examples": _EXAMPLES | {"kind": "preferences", "validation": 0.2}},
        {"tuning": {"kind": "lora", "rank": 8}},
    ):
        assert recipe(Path("/a"), **_PAIRS | changed).digest != base.digest
