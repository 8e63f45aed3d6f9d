"""What a recipe asks of the registry, and what becomes of it for the worker."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument
from colonnade.training.domain import Output
from colonnade.training.recipes import read_head
from colonnade.training.worker_recipe import Reads, for_worker

HEAD = "name: plays\nsteps: 4\n"
LORA = "tuning: {kind: lora}\n"
BASE = 'model: {from: "registry:smol:3"}\n'


def test_what_is_left_out() -> None:
    head = read_head(HEAD)
    assert (head.output, head.brings) == (Output(register=True, model="plays"), {})


def test_all_that_can_be_said() -> None:
    text = HEAD + "description: d\noutput: {register: yes, model: bard, alias: live, rollout: careful}\n"
    assert read_head(text).output == Output(
        register=True, model="bard", alias="live", rollout="careful", description="d"
    )
    assert read_head(HEAD + "output: {register: false, alias: live}\n").output == Output()


def test_an_evaluation_is_recorded_where_the_registry_has_what_was_judged() -> None:
    head = "kind: evaluate\nname: held-out\n"
    assert read_head(head + BASE).output == Output(register=True)
    assert read_head(head + "model: {from: ./smol}\n").output == Output()
    assert read_head(head + BASE + "output: {register: false}\n").output == Output()


def test_a_conversion_and_an_import_become_versions() -> None:
    said = "description: d\noutput: {model: small, alias: live, rollout: careful}\n"
    expected = Output(register=True, model="small", alias="live", rollout="careful", description="d")
    assert read_head("kind: convert\nname: x\n" + BASE + said).output == expected
    assert read_head("kind: import\nname: x\nsource: {path: /m.gguf}\n" + said).output == expected


def test_models_of_the_registry_are_brought() -> None:
    teacher = "objective: {kind: distil, teacher: registry:large@production}\n"
    head = read_head(HEAD + BASE + teacher)
    assert head.brings == {"model.from": "smol:3", "objective.teacher": "large@production"}
    spelling = "data: {tokenizer: {kind: file, path: registry:large@production}}\n"
    head = read_head(HEAD + "model: {preset: debug}\n" + teacher + spelling)
    assert head.brings == {"objective.teacher": "large@production", "data.tokenizer.path": "large@production"}
    assert read_head(HEAD + "data: [registry:large]\n").brings == {}
    assert read_head(HEAD + "model: {from: ./smol}\n").brings == {}


def test_adapters_have_a_base_in_the_registry() -> None:
    assert read_head(HEAD + LORA + BASE).output.adapter
    assert read_head(HEAD + "tuning: {kind: qlora}\n" + BASE).output.adapter
    assert not read_head(HEAD + LORA + BASE + "output: {merged: true}\n").output.adapter
    assert not read_head(HEAD + LORA + "model: {from: ./x}\noutput: {merged: true}\n").output.adapter
    assert read_head(HEAD + LORA + "model: {from: ./x}\noutput: {register: false}\n").output == Output()
    with pytest.raises(InvalidArgument, match="registry:NAME:VERSION") as refusal:
        read_head(HEAD + LORA + "model: {from: ./x}\n")
    assert refusal.value.details["field"] == "recipe.model.from"


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ("output: {register: perhaps}", "output.register"), ("output: {register: [1]}", "output.register"),
        ("output: {model: Bard}", "output.model"), ("output: {model: [a]}", "output.model"),
        ("output: {alias: 1x}", "output.alias"), ("output: {rollout: ../x}", "output.rollout"),
        ("tuning: {kind: lora}\noutput: {merged: 3}", "output.merged"),
        ('model: {from: "registry:"}', "model.from"), ('model: {from: "registry:a b"}', "model.from"),
        ('objective: {teacher: "registry:../x"}', "objective.teacher"), ("reads: {folders: [/]}", "reads"),
        ('"reads": ~', "reads"), ("!!str reads: 1", "reads"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_refused_by_its_field(said: str, field: str) -> None:
    with pytest.raises(InvalidArgument) as refusal:
        read_head(f"{HEAD}{said}\n")
    assert refusal.value.details["field"] == f"recipe.{field}"


def test_a_worker_gets_folders_and_what_it_may_read() -> None:
    reads = Reads([Path("/data")], ["s3://corpora/"], [Path("/data/secret")])
    text = for_worker(HEAD + BASE, {"model.from": Path("/jobs/a b/brought/model.from")}, reads)
    assert yaml.safe_load(text) == {
        "name": "plays", "steps": 4, "model": {"from": "/jobs/a b/brought/model.from"},
        "reads": {
            "folders": ["/data", "/jobs/a b/brought/model.from"], "urls": ["s3://corpora/"],
            "never": ["/data/secret"],
        },
    }  # fmt: skip


def test_a_key_that_stands_twice_is_replaced_wherever_it_stands() -> None:
    text = for_worker(HEAD + BASE + BASE, {"model.from": Path("/x")}, Reads())
    assert "registry:" not in text


PLAIN = st.sampled_from(
    [
        "3e-4",
        "2e-3",
        "1_000",
        "012",
        "0x1f",
        "1:30",
        "yes",
        "~",
        "2026-01-01",
        "!!str 12",
        "'12'",
        '"ü\\n"',
        ".nan",
    ]
)
VALUES = st.recursive(
    PLAIN,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]")
        | st.lists(inner, max_size=3).map(
            lambda found: "{" + ", ".join(f"k{at}: {value}" for at, value in enumerate(found)) + "}"
        )
    ),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=5))
def test_every_value_stays_what_it_was(values: list[str]) -> None:
    text = HEAD + "".join(f"f{at}: {value}\n" for at, value in enumerate(values))
    after: Any = yaml.safe_load(for_worker(text, {}, Reads()))
    assert after.pop("reads") == {"folders": [], "urls": [], "never": []}
    assert repr(after) == repr(yaml.safe_load(text))
