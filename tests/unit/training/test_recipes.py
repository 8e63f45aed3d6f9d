"""What is read of a recipe, and what is refused before anything is built of it."""

import time
from pathlib import Path

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


def test_its_kind_decides_what_is_read() -> None:
    assert read_head("name: plays\nsteps: 4").kind == "train"
    assert read_head("kind: train\nname: plays\nsteps: 4").kind == "train"
    for kind in ("evaluate", "convert"):
        head = read_head(f"kind: {kind}\nname: plays\nmodel: {{from: 'registry:smol:3'}}\n")
        assert (head.kind, head.steps, head.source) == (kind, 0, "")
        assert head.brings == {"model.from": "smol:3"}
    head = read_head("kind: import\nname: qwen\nsource: {url: 'https://host/model.gguf'}\n")
    assert (head.kind, head.steps, head.source) == ("import", 0, "https://host/model.gguf")
    assert head.brings == {}
    assert read_head("kind: import\nname: qwen\nsource: {path: bundled:smol}\n").source == "bundled:smol"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("", "source"), ("source: https://host/x.gguf\n", "source"), ("source: {}\n", "source"),
        ("source: {url: 'https://host/x.gguf', path: /x}\n", "source"), ("source: {url: [a]}\n", "source"),
        ("source: {other: x}\n", "source"), ("source: {url: /x.gguf}\n", "source.url"),
        ("source: {path: 'https://host/x.gguf'}\n", "source.path"), ("source: {path: ''}\n", "source.path"),
        ("source: {path: /x}\nsteps: 4\n", "steps"), ("source: {path: /x}\nmodel: {from: x}\n", "model"),
        ("source: {path: /x}\noutput: {weights: last}\n", "output.weights"),
        ("source: {path: /x}\noutput: {register: false}\n", "output.register"),
        ("source: {path: /x}\noutput: {alias: 1x}\n", "output.alias"),
    ],
)  # fmt: skip
def test_an_import_says_where_from_and_no_more(said: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        read_head("kind: import\nname: qwen\n" + said)
    assert refusal.value.details["field"] == f"recipe.{field}"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kind: other\nname: plays\nsteps: 4", "recipe.kind must be one of train, evaluate, convert, import"),
        ("kind: [train]\nname: plays\nsteps: 4", "recipe.kind"),
        ("kind:\nname: plays\nsteps: 4", "recipe.kind"),
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
    "name: a\n", "steps: 1\n", "kind: import\n", "source: {path: x}\n", "&a ", "*a ", "[", "]", "{", "}",
    ": ", "- ", "? ", "| ", "> ", "!!map ", "!x ", "<<: ", "---\n", "...\n", "\n", "  ", "'", '"',
    "%YAML 9.9\n", "\t",
)  # fmt: skip


@given(st.text(max_size=60) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_whatever_it_is_it_is_read_or_refused(text: str) -> None:
    field = "recipe"
    try:
        head = read_head(text)
        assert (head.steps >= 1) == (head.kind == "train")
    except ColonnadeError as error:
        field = str(error.details["field"])
    assert field.startswith("recipe")


def test_the_import_of_the_page_is_one() -> None:
    page = (Path(__file__).parents[3] / "docs" / "training.md").read_text()
    text = page[page.index("kind: import\n") :].partition("```")[0]
    head = read_head(text)
    assert (head.kind, head.name, head.output.alias) == ("import", "qwen", "candidate")
