"""``colonnade feedback``"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.unit.cli.stub import Answer, Stub
from tests.unit.client.test_feedback import GIVEN, MODEL

Run = Callable[..., Any]
LISTED = "/feedback?page_size=50"


def test_it_is_given(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/feedback"] = Answer(201, GIVEN)
    done = colonnade("feedback", "give", "up", "--request", "r1", "--comment", "Good.")
    assert (done.status, done.out) == (0, "fb_1\n")
    assert stub.last.body == {"kind": "thumb", "value": "up", "request_id": "r1", "comment": "Good."}
    colonnade("feedback", "give", "correction", "--prompt", "Far?", "--answer", "No.", "--correction", "Yes.")
    assert stub.last.body == {"kind": "correction", "prompt": "Far?", "answer": "No.", "correction": "Yes."}


def test_it_is_listed_and_reviewed(stub: Stub, colonnade: Run) -> None:
    claimed = GIVEN | {
        "id": "fb_2",
        "answered_by": {"model": None, "version": None, "digest": "sha256:" + "a" * 64, "confirmed": False},
    }
    hostile = claimed | {"chosen": "\x1b[2J"}
    stub.routes["GET", LISTED] = Answer(body={"feedback": [GIVEN, hostile], "next_page_token": ""})
    shown = colonnade("feedback", "list").out
    assert "tiny:3 " in shown
    assert "sha256:aaaaaaaaaaaa?" in shown
    assert "\x1b[2J" not in shown
    assert len(json.loads(colonnade("feedback", "list", "--json").out)) == 2
    stub.routes["GET", LISTED] = Answer(body={"feedback": [], "next_page_token": ""})
    assert "no such feedback" in colonnade("feedback", "list").err
    stub.routes["POST", "/feedback/fb_1/review"] = Answer(body=GIVEN | {"state": "accepted"})
    assert colonnade("feedback", "review", "fb_1", "--accept", "--why", "True.").err == "Accepted: fb_1\n"
    assert stub.last.body == {"decision": "accept", "why": "True."}
    stub.routes["DELETE", "/feedback/fb_1"] = Answer(204)
    assert colonnade("feedback", "withdraw", "fb_1").err == "Erased: fb_1\n"


def test_pairs_are_written_as_recipes_read_them(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    pair = {
        "messages": [{"role": "user", "content": "Weit? é"}],
        "chosen": "a",
        "rejected": "b",
        "made_of": [],
    }
    stub.routes["GET", "/feedback/pairs?page_size=100"] = Answer(
        body={"pairs": [pair], "next_page_token": ""}
    )
    line = '{"prompt": "Weit? é", "chosen": "a", "rejected": "b"}\n'
    assert colonnade("feedback", "export").out == line
    assert "1 pairs" in colonnade("feedback", "export", str(tmp_path / "pairs.jsonl")).err
    assert (tmp_path / "pairs.jsonl").read_text("utf-8") == line


def test_a_reward_model_is_made(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/reward-models"] = Answer(201, MODEL)
    done = colonnade("feedback", "train", "--no-built-in")
    assert (done.status, done.out) == (0, "rm_1\n")
    assert "Right on 75% of 10 pairs it has not seen (50% to 90%); learnt from 40." in done.err
    assert stub.last.body == {"built_in": False}
