"""Erasures, in words; whom one may name, and what has to be typed."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from colonnade.client.results.erasures import AffectedVersion, Erasure, ErasureStep
from colonnade.console.views.erasures import (
    affected_of,
    confirmed,
    names_others,
    receipt_of,
    state_of,
    step_rows,
)
from colonnade.errors import InvalidArgument
from tests.unit.console.conftest import ANN

AT = datetime(2030, 1, 31, 12, tzinfo=UTC)
STEPS = (
    ErasureStep("memory", 1, AT, 1, removed={"memories": 1200, "turns": 0}),
    ErasureStep("ethics", 1, None, 2, "away"),
    ErasureStep("memory", 2),
)
GOING = Erasure("e1", "running", "acme", "sha256:0", "asked", "ada", AT, steps=STEPS)


def test_how_far_it_is() -> None:
    assert state_of(GOING) == "under way, 1 of 3 steps done"
    assert state_of(replace(GOING, state="done", ended_at=AT)) == "done, 2030-01-31 12:00 UTC"


def test_each_step_says_what_is_gone_or_why_not() -> None:
    assert step_rows(GOING) == [
        ("memory", "1 of 2", "done, 2030-01-31 12:00 UTC", "1\u202f200 memories"),
        ("ethics", "1 of 2", "tried 2 times: away", ""),
        ("memory", "2 of 2", "waits", ""),
    ]


def test_versions_that_a_person_decides_about() -> None:
    affected = (AffectedVersion("tiny", "2", "trained"), AffectedVersion("old", "", "adapted"))
    assert affected_of(replace(GOING, affected=affected)) == ["tiny:2: trained", "old: adapted"]


def test_a_receipt_is_a_file_as_it_is_verified() -> None:
    assert json.loads(receipt_of(replace(GOING, receipt={"payload": "x"}))) == {"payload": "x"}


@pytest.mark.parametrize(("subject", "typed"), [("", ""), ("ann", ""), ("ann", "Ann"), ("ann", "anne")])
def test_the_name_is_typed_as_it_stands(subject: str, typed: str) -> None:
    with pytest.raises(InvalidArgument):
        confirmed(subject, typed)


def test_admins_name_others() -> None:
    confirmed("ann", "ann")
    assert not names_others(ANN)
    assert names_others(replace(ANN, roles=("admin",)))
