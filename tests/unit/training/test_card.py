"""A version's card and lineage: what they say, and that nothing that is in a recipe breaks them."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.training.domain import Job, ModelVersion
from colonnade.training.publishing.card import card_of
from colonnade.training.publishing.curve import Point, curve_of, thinned
from colonnade.training.publishing.lineage import commit_of, dataset_of, edges_of, run_facts
from tests.unit.training.fakes import MemoryJournal
from tests.unit.training.registries import RESULT
from tests.unit.training.test_publishing import submitted

POINTS = [Point("loss", step, 10.0 / step, 0.0) for step in range(1, 1001)]
VERSION = ModelVersion("bard", 1, f"sha256:{'0' * 64}")


def job(**more: Any) -> Job:
    return replace(submitted(), step=400, metrics={"loss": 1.5, "validation.perplexity": 4.25}, **more)


def test_what_a_card_says() -> None:
    base = ModelVersion("smol", 3, f"sha256:{'1' * 64}")
    card = card_of(job(brought={"model.from": base}), "name: plays\n", RESULT, POINTS, "Told.")
    for expected in (
        "# bard\n", "Told.", "| steps | 400 |", "| `model.from` | smol:3 (sha256:1111", "| loss | 1.5 |",
        "| validation.perplexity | 4.25 |", "| 1 | 10.0000 |", "| 1000 | 0.0100 |",
        "```yaml\nname: plays\n```", "| code | 0.1.0 cccc",
    ):  # fmt: skip
        assert expected in card
    assert card == card_of(job(brought={"model.from": base}), "name: plays\n", RESULT, POINTS, "Told.")


def test_the_card_of_a_conversion_says_what_was_done() -> None:
    made = {"parameters_before": 134_515_008, "parameters": 100_000_000, "bits": 4, "odd": "x"}
    result = {**RESULT, "metrics": {"conversion": made}}
    found = replace(job(), step=0, metrics={})
    found = replace(found, asked=replace(found.asked, kind="convert", total_steps=0))
    card = card_of(found, "kind: convert\nname: small\n", result, [], "Told.")
    for expected in (
        "## How it was converted", "| parameters before | 134,515,008 |", "| parameters | 100,000,000 |",
        "| bits | 4 |",
    ):  # fmt: skip
        assert expected in card
    assert "steps" not in card
    assert "odd" not in card
    assert "steps" not in run_facts(found, result)


def test_a_run_that_said_nothing_has_a_card_too() -> None:
    assert "## Recipe" in card_of(replace(job(), metrics={}), "name: plays\n", {}, [])


def test_credentials_in_addresses_are_left_out() -> None:
    recipe = "reports: {mlflow: 'https://me:secret@mlflow.example.com/x'}\n"
    card = card_of(job(), recipe, RESULT, POINTS)
    assert "secret" not in card
    assert "https://***@mlflow.example.com/x" in card


@given(st.text(max_size=200))
def test_nothing_in_a_recipe_ends_its_block(text: str) -> None:
    lines = card_of(job(), f"{text}\n```\n````\n", {}, []).splitlines()
    fence = next(line for line in lines if line.endswith("yaml") and line.startswith("`````"))[:-4]
    assert [line for line in lines if line == fence] == [fence]
    assert lines[-1] == fence


def test_large_recipes_and_texts_are_cut() -> None:
    card = card_of(job(), "# ü\n" * 60_000, RESULT, POINTS, "ä" * 100_000)
    assert len(card.encode()) <= 256 * 1024


@given(st.integers(1, 500), st.integers(2, 50))
def test_a_thinned_curve_keeps_both_ends_and_its_order(count: int, most: int) -> None:
    kept = thinned(POINTS[:count], most)
    assert (kept[0], kept[-1], len(kept)) == (POINTS[0], POINTS[count - 1], min(count, most))
    assert list(kept) == sorted(kept, key=lambda point: point.step)


async def test_a_curve_takes_the_later_of_what_was_run_again() -> None:
    journal = MemoryJournal()
    for step, loss in ((1, 3.0), (2, 2.0), (2, 1.9), (3, float("nan"))):
        journal.tell("job", "step", step, loss=loss, learning_rate=0.1)
    journal.tell("job", "evaluation", 2, loss=2.5)
    journal.tell("job", "note", 2, loss=9.0)
    found = await curve_of(journal, "job")
    assert [(each.key, each.step, each.value) for each in found] == [
        ("loss", 1, 3.0), ("loss", 2, 1.9), ("validation.loss", 2, 2.5),
    ]  # fmt: skip


def test_a_version_is_derived_from_what_was_brought_but_never_from_itself() -> None:
    base = ModelVersion("smol", 3, f"sha256:{'1' * 64}")
    found = edges_of(job(brought={"model.from": base, "objective.teacher": base}), VERSION, RESULT)
    assert [(each.source.kind, each.target.id) for each in found if each.relation == "derived_from"] == [
        ("run", base.digest), ("version", base.digest),
    ]  # fmt: skip
    same = edges_of(job(brought={"model.from": VERSION}), VERSION, {})
    assert all(each.source != each.target for each in same)
    assert [each.source.kind for each in same if each.relation == "derived_from"] == ["run"]


def test_facts_of_a_run_have_room() -> None:
    found = run_facts(replace(job(), by="a/" + "ü" * 250, retry_of="job_0"), RESULT)
    assert len(json.dumps(found, ensure_ascii=False).encode()) <= 400
    assert found["recipe"] == RESULT["recipe_digest"]


@pytest.mark.parametrize(
    "said", [None, 1, [], "x", {}, {"commit": 1}, {"commit": "../x"}, {"commit": "HEAD"}]
)
def test_what_a_worker_says_wrongly_is_left_out(said: object) -> None:
    result = {"code": said, "token_set": said, "examples": said}
    assert (commit_of(result), dataset_of(result)) == ("", "")
    assert [each.relation for each in edges_of(job(), VERSION, result)] == ["produced_by"]
