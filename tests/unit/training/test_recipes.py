"""What is read of a recipe, and what is refused before anything is built of it."""

import time

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, InvalidArgument, TooLarge
from colonnade.training import recipes
from colonnade.training.recipes import MAX_BYTES, MAX_DEPTH, MAX_NODES, read_head


@pytest.fixture(params=["CBaseLoader", "BaseLoader"], autouse=True)
def loader(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """With libyaml and without."""
    monkeypatch.setattr(recipes, "_LOADER", getattr(yaml, request.param))
    return str(request.param)


def test_its_name_and_its_steps_are_read_and_nothing_else() -> None:
    text = "name: plays\nsteps: 400\nmodel: {family: what, with: [1, {x: !!python/name:os.system ''}]}"
    head = read_head(text)
    assert (head.name, head.steps) == ("plays", 400)
    assert head.digest == read_head(text).digest
    assert head.digest != read_head("name: plays\nsteps: 400").digest


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: plays", "recipe.steps must be a whole number"),
        ("name: plays\nsteps: 0", "recipe.steps"),
        ("name: plays\nsteps: 1e3", "recipe.steps"),
        ("name: plays\nsteps: 100000001", "recipe.steps"),
        ("name: plays\nsteps: [400]", "recipe.steps"),
        ("name: plays\nsteps: ٤٠٠", "recipe.steps"),
        ("steps: 400", "recipe.name must be"),
        ("name: Plays\nsteps: 400", "recipe.name"),
        ("name: ../x\nsteps: 400", "recipe.name"),
        ("name: {a: b}\nsteps: 400", "recipe.name"),
        ("- name", "must be a YAML mapping"),
        ("plays", "must be a YAML mapping"),
        ("# nothing", "must be a YAML mapping"),
        ("name: [", "not YAML"),
        ("a: b: c", "not YAML.*line 1"),
        ("? {a: b}\n: c", "whose keys are texts|not YAML"),
        ("name: plays\nsteps: 400\n---\nname: other\n", "more than 1 documents"),
        ("name: &n plays\nsteps: 400\nother: *n", "aliases"),
        ("x: *unknown", "aliases"),
        ("name: plays\0", "NUL"),
        ("name: plays\x1b[2J", "control character"),
        ("", "must not be empty"),
    ],
)
def test_what_cannot_be_a_recipe(text: str, words: str) -> None:
    with pytest.raises(InvalidArgument, match=words):
        read_head(text)


def test_a_laugh_of_aliases_is_refused_at_the_first() -> None:
    lines = ["a: &a [x,x,x,x,x,x,x,x,x]"]
    lines += [f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]" for a, b in zip("abcdefgh", "bcdefghi", strict=True)]
    with pytest.raises(InvalidArgument, match="aliases"):
        read_head("\n".join(lines))


@pytest.mark.parametrize("opened", ["[", "{a: ", "- "])
def test_depth_has_an_end_and_so_has_the_time_that_it_takes(opened: str) -> None:
    began = time.perf_counter()
    with pytest.raises(InvalidArgument, match=f"more than {MAX_DEPTH} levels"):
        read_head(opened * (MAX_BYTES // len(opened) // 2))
    assert time.perf_counter() - began < 20  # libyaml's takes milliseconds; the other looks ahead on one line


def test_size_has_an_end() -> None:
    with pytest.raises(InvalidArgument, match=f"more than {MAX_NODES} values"):
        read_head("[" + "x," * (MAX_NODES + 1) + "]")
    with pytest.raises(TooLarge, match="recipe is longer"):
        read_head("name: plays\nsteps: 400\n#" + "x" * MAX_BYTES)


PIECES = (
    "name: a\n", "steps: 1\n", "&a ", "*a ", "[", "]", "{", "}", ": ", "- ", "? ", "| ", "> ", "!!map ",
    "!x ", "<<: ", "---\n", "...\n", "\n", "  ", "'", '"', "%YAML 9.9\n", "\t",
)  # fmt: skip


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_whatever_it_is_it_is_read_or_refused(text: str) -> None:
    field, steps = "recipe", 1
    try:
        steps = read_head(text).steps
    except ColonnadeError as error:
        field = str(error.details["field"])
    assert steps >= 1
    assert field.startswith("recipe")
