"""What a recipe may read: by folder, with every link followed, and whatever it calls it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from colonnade.errors import InvalidArgument, PermissionDenied
from colonnade.learn.recipe import AnyRecipe, Recipe
from colonnade.learn.recipe.confinement import NAMES_FILES
from colonnade.learn.recipe.reading import parse_recipe

RECIPE = """\
name: plays
steps: 4
optimiser: {{name: adamw, learning_rate: 1e-3}}
schedule: {{kind: constant}}
model: {model}
data:
  sources: [{{kind: text, name: plays, paths: [{path}]}}]
  tokenizer: {tokenizer}
reports: {reports}
reads: {{folders: [{folder}], urls: [{urls}], never: [{never}]}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    found = tmp_path / "corpus"
    (found / "deep" / "er").mkdir(parents=True)
    (found / ".hidden").mkdir()
    for name in ("a.txt", "deep/b.txt", "deep/er/c.txt", ".hidden/d.txt"):
        (found / name).write_text("x")
    (tmp_path / "secret.txt").write_text("s")
    return found


def read(root: object, path: object, **more: object) -> Recipe:
    said = {
        "model": "{preset: debug}", "tokenizer": "{kind: train, vocabulary: 300}", "reports": "{}",
        "urls": "s3://corpora/", "never": "", "folder": root,
    }  # fmt: skip
    return parse_recipe(RECIPE.format(path=path, **(said | more)))


def refused(root: object, path: object, **more: object) -> str:
    with pytest.raises((PermissionDenied, InvalidArgument)) as refusal:
        read(root, path, **more)
    return str(refusal.value.details["field"])


@pytest.mark.parametrize(
    "pattern", ["a.txt", "*.txt", "**/*.txt", "deep", "deep/*", "none/*.txt", "none.txt"]
)
def test_what_lies_below_a_folder(folder: Path, pattern: str) -> None:
    assert read(folder, folder / pattern).reads is not None


@pytest.mark.parametrize(
    "path",
    ["/etc/passwd", "/etc/*", "/**/passwd", "{folder}/../secret.txt", "{folder}/*/../../secret.txt", "~/x",
     "rel.txt", "{folder}/.hidden/d.txt", "{folder}/.hidden/*", "{folder}2/x", "/", "*", "/nowhere/at/all"],
)  # fmt: skip
def test_what_lies_elsewhere_is_refused_alike_whether_it_is_there_or_not(folder: Path, path: str) -> None:
    assert refused(folder, f'"{path.format(folder=folder)}"') == "data.sources[0].paths[0]"


@pytest.mark.parametrize("pattern", ["*.txt", "**/*.txt", "link.txt", "deep", ""])
def test_links_are_followed(folder: Path, pattern: str) -> None:
    (folder / "link.txt").symlink_to(folder.parent / "secret.txt")
    (folder / "deep" / "out.txt").symlink_to("/etc/passwd")
    assert refused(folder, folder / pattern)


def test_a_link_to_a_folder_elsewhere(folder: Path) -> None:
    (folder / "out").symlink_to(folder.parent)
    assert refused(folder, folder / "out" / "secret.txt")
    assert refused(folder, folder / "out" / "*.txt")
    inside = folder / "inside"
    inside.symlink_to(folder / "deep")
    assert read(folder, inside / "*.txt")


def test_the_nearest_folder_decides(folder: Path) -> None:
    assert refused(folder, folder / "deep" / "b.txt", never=folder / "deep")
    assert refused(folder, folder / "**" / "*.txt", never=folder / "deep")
    assert read(folder, folder / "a.txt", never=folder / "deep")
    both = f"{folder}, {folder / 'deep' / 'er'}"
    assert read(both, folder / "deep" / "er" / "c.txt", never=folder / "deep")


def test_object_stores_by_the_beginning_of_the_address(folder: Path) -> None:
    assert read(folder, "s3://corpora/plays/*.txt")
    for url in (
        "s3://corpora2/x",
        "s3://other/x",
        "gs://corpora/x",
        "s3://corpora/../x",
        "file:///etc/passwd",
    ):
        assert refused(folder, url)
    assert refused(folder, "s3://corpora-private/x", urls="s3://corpora")
    assert read(folder, "s3://corpora/x", urls="s3://corpora")


def test_every_other_field_that_names_files(folder: Path) -> None:
    here, file = folder / "a.txt", "{{kind: file, path: {0}}}"
    assert refused(folder, here, tokenizer=file.format("/etc/passwd")) == "data.tokenizer.path"
    gpt = "{kind: gpt2, vocabulary_path: /etc/passwd, merges_path: /etc/passwd}"
    assert refused(folder, here, tokenizer=gpt) == "data.tokenizer.vocabulary_path"
    assert refused(folder, here, model="{from: /etc}", tokenizer="~") == "model.from"
    for where in ("/tmp/mlruns", "file:///tmp/x", "mlruns", "https://elsewhere/", str(folder)):
        assert refused(folder, here, reports=f'{{mlflow: "{where}"}}') == "reports.mlflow"
    server = "https://mlflow.example.com/"
    assert read(folder, here, reports=f'{{mlflow: "{server}x"}}', urls=server)


def test_a_recipe_of_ones_own_may_read_what_its_user_may() -> None:
    text = RECIPE.format(
        path="/etc/passwd", model="{preset: debug}", tokenizer="{kind: train, vocabulary: 300}", reports="{}",
        folder="", urls="", never="",
    ).partition("reads:")[0]  # fmt: skip
    own = parse_recipe(text)
    assert own.reads is None
    assert own.digest == parse_recipe(text + "reads: {folders: [/]}\n").digest


def fields(model: Any, seen: set[Any]) -> Iterator[str]:
    for inner in get_args(model):
        yield from fields(inner, seen)
    if isinstance(model, type) and issubclass(model, BaseModel) and model not in seen:
        seen.add(model)
        for name, info in model.model_fields.items():
            yield name
            yield from fields(info.annotation, seen)
            for each in info.metadata:
                yield from fields(each, seen)


def test_no_field_that_names_files_is_forgotten() -> None:
    suspects = ("path", "from", "folder", "file", "teacher", "url", "uri", "mlflow", "base")
    known = {name for name in fields(AnyRecipe, set()) if any(word in name for word in suspects)}
    assert known - NAMES_FILES <= {"folders", "urls"}
    assert {"paths", "path", "from_", "mlflow"} <= known


def test_a_model_of_the_registry_is_the_services_to_bring() -> None:
    text = RECIPE.partition("reads:")[0].format(
        path="x", model='{from: "registry:smol:3"}', tokenizer="~", reports="{}"
    )
    with pytest.raises(InvalidArgument, match="models pull"):
        parse_recipe(text)
