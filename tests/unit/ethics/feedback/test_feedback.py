"""What feedback must be, and what it comes to."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from colonnade.errors import ColonnadeError
from colonnade.ethics.feedback.feedback import (
    AnsweredBy,
    Feedback,
    Given,
    Kind,
    Pair,
    Turn,
    key_of,
    pair_of,
    thumbs_pair,
)

ASKED = (Turn("user", "Is it far?"),)
NOW = datetime(2030, 1, 2, tzinfo=UTC)


def said(number: int, given: Given) -> Feedback:
    return Feedback(f"fb_{number}", "acme", "ann", given, NOW)


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        (Kind.THUMB, {}, "request_id"),
        (Kind.THUMB, {"request_id": "r 1"}, "request_id"),
        (Kind.THUMB, {"request_id": "r1", "prompt": ASKED}, "answer"),
        (Kind.THUMB, {"request_id": "r1", "up": True, "chosen": "x"}, "prompt"),
        (Kind.THUMB, {"prompt": ASKED, "chosen": "x", "rejected": "y"}, "answer"),
        (Kind.CORRECTION, {"chosen": "x", "rejected": "y"}, "prompt"),
        (Kind.CORRECTION, {"prompt": ASKED, "rejected": "y"}, "correction"),
        (Kind.CORRECTION, {"prompt": ASKED, "chosen": "y", "rejected": " \n"}, "answer"),
        (Kind.CORRECTION, {"prompt": ASKED, "chosen": "y", "rejected": "y"}, "correction"),
        (Kind.PREFERENCE, {"prompt": ASKED, "chosen": "x", "rejected": "y" * 65537}, "rejected"),
        (Kind.PREFERENCE, {"prompt": ASKED, "chosen": "x\0", "rejected": "y"}, "chosen"),
        (
            Kind.PREFERENCE,
            {"prompt": (Turn("robot", "x"),), "chosen": "x", "rejected": "y"},
            "messages[0].role",
        ),
        (Kind.PREFERENCE, {"prompt": ASKED * 201, "chosen": "x", "rejected": "y"}, "messages"),
        (
            Kind.PREFERENCE,
            {"prompt": (*ASKED, Turn("assistant", "x")), "chosen": "x", "rejected": "y"},
            "messages",
        ),
        (Kind.THUMB, {"request_id": "r1", "answered_by": AnsweredBy(digest="x")}, "version"),
        (Kind.THUMB, {"request_id": "r1", "comment": "x" * 4097}, "comment"),
    ],
)
def test_what_does_not_fit_its_kind_is_refused(kind: Kind, more: dict[str, Any], field: str) -> None:
    with pytest.raises(ColonnadeError) as refused:
        Given(kind, **more)
    assert refused.value.details["field"] == field


def test_corrections_and_preferences_are_pairs() -> None:
    correction = Given(Kind.CORRECTION, prompt=ASKED, chosen="A mile.", rejected="Dunno.")
    assert pair_of(said(1, correction)) == Pair(ASKED, "A mile.", "Dunno.", ("fb_1",))
    assert pair_of(said(1, Given(Kind.THUMB, "r1"))) is None


def test_two_thumbs_are_a_pair_unless_they_disagree() -> None:
    up = said(1, Given(Kind.THUMB, prompt=ASKED, chosen="A mile.", up=True))
    down = said(2, Given(Kind.THUMB, prompt=ASKED, rejected="Dunno."))
    assert thumbs_pair(up, down) == Pair(ASKED, "A mile.", "Dunno.", ("fb_1", "fb_2"))
    assert thumbs_pair(up, said(3, Given(Kind.THUMB, prompt=ASKED, rejected="A mile."))) is None


def test_a_line_is_what_recipes_read() -> None:
    plain = json.loads(Pair(ASKED, "é", "b").line())
    assert plain == {"prompt": "Is it far?", "chosen": "é", "rejected": "b"}
    told = (Turn("system", "Be kind."), *ASKED)
    messages = [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Is it far?"}]
    assert json.loads(Pair(told, "a", "b").line())["prompt"] == messages


def test_the_same_prompt_has_the_same_key() -> None:
    assert key_of(()) == ""
    assert key_of(ASKED) == key_of((Turn("user", "Is it far?"),)) != key_of((Turn("system", "Is it far?"),))
