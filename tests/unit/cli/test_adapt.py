"""``colonnade adapt``"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colonnade.cli import adapt
from tests.unit.cli.stub import Answer, Stub
from tests.unit.client.test_adapting import PAIR, PAIRING, PROPOSED

Run = Callable[..., Any]


def test_one_is_begun(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    stub.routes["POST", "/adaptations"] = Answer(202, PAIRING)
    asked = tmp_path / "prompts.txt"
    asked.write_text("Why?\n\nHow?\n")
    begun = colonnade(
        "adapt", "start", "tiny:3", "--sources", "best_of_n", "--prompts", str(asked), "--steps", "9"
    )
    assert (begun.status, begun.out) == (0, "ad_1\n")
    assert stub.last.body == {
        "model": "tiny", "version": 3, "sources": ["best_of_n"], "prompts": ["Why?", "How?"], "steps": 9,
    }  # fmt: skip
    assert json.loads(colonnade("adapt", "start", "tiny", "--json").out)["id"] == "ad_1"
    assert stub.last.body == {"model": "tiny"}


def test_it_is_watched_to_its_end(stub: Stub, colonnade: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapt, "_LOOK_SECONDS", 0.0)
    stub.routes["POST", "/adaptations"] = Answer(202, PAIRING)
    stub.routes["GET", "/adaptations/ad_1"] = Answer(body=PROPOSED)
    ended = colonnade("adapt", "start", "tiny", "--watch")
    assert ended.status == 0
    assert "0.300 to 0.500" in ended.out
    assert "pairing 3 of 30" in ended.err
    assert "tiny:3 became tiny:4; its rollout is ro_1" in ended.err
    failed = PAIRING | {"state": "failed", "why": "too few \x1b[2Jpairs"}
    stub.routes["GET", "/adaptations/ad_1"] = Answer(body=failed)
    ended = colonnade("adapt", "start", "tiny", "--watch")
    assert ended.status != 0
    assert "too few [2Jpairs" in ended.err


def test_they_are_listed_shown_and_cancelled(stub: Stub, colonnade: Run) -> None:
    listed = "/adaptations?page_size=50"
    stub.routes["GET", listed] = Answer(body={"adaptations": [PAIRING], "next_page_token": ""})
    assert "tiny:3" in colonnade("adapt", "list").out
    stub.routes["GET", listed] = Answer(body={"adaptations": [], "next_page_token": ""})
    assert "no adaptation yet" in colonnade("adapt", "list").err
    stub.routes["GET", "/adaptations/ad_1"] = Answer(body=PAIRING)
    assert "tiny:3, pairing: 3 of 30" in colonnade("adapt", "show", "ad_1").err
    stub.routes["POST", "/adaptations/ad_1/cancel"] = Answer(body=PAIRING | {"state": "cancelled"})
    assert "It is cancelled." in colonnade("adapt", "cancel", "ad_1").err


def test_pairs_are_shown(stub: Stub, colonnade: Run) -> None:
    path = "/adaptations/ad_1/pairs?page_size=20"
    stub.routes["GET", path] = Answer(body={"pairs": [PAIR], "next_page_token": ""})
    shown = colonnade("adapt", "pairs", "ad_1").out
    assert "best_of_n" in shown
    assert "0.90" in shown
    stub.routes["GET", path] = Answer(body={"pairs": [], "next_page_token": ""})
    assert "no pair yet" in colonnade("adapt", "pairs", "ad_1").err
