"""``colonnade subjects``"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from colonnade.security.receipts import signed
from colonnade.security.seals import SigningKey
from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
AT = "2030-01-02T03:04:05Z"
STEPS = [
    {"service": "gateway", "round": 1, "done_at": AT, "tries": 1, "reason": "", "removed": {"usage": 2}},
    {"service": "memory", "round": 1, "done_at": None, "tries": 3, "reason": "aw\x1b[2Jay", "removed": {}},
]
RUNNING = {
    "id": "era_1", "state": "running", "tenant": "acme", "subject_mark": "f", "why": "", "asked_by": "admin",
    "began_at": AT, "ended_at": None, "receipt": None, "steps": STEPS,
    "affected": [{"model": "tiny", "version": "1", "why": "trained by job_1"}],
}  # fmt: skip
DONE = RUNNING | {
    "state": "done", "ended_at": AT, "receipt": {"payload": "x"},
    "steps": [each | {"done_at": AT} for each in STEPS],
}  # fmt: skip


def test_somebody_is_erased_once_it_is_confirmed(stub: Stub, colonnade: Run) -> None:
    stub.routes["DELETE", "/subjects/ann"] = Answer(202, RUNNING)
    assert colonnade("subjects", "erase", "ann", stdin=b"n\n").status != 0
    assert not stub.seen
    begun = colonnade("subjects", "erase", "ann", "--why", "asked", stdin=b"y\n")
    assert (begun.status, begun.out.splitlines()[-1]) == (0, "era_1")
    assert stub.last.body == {"why": "asked"}


def test_it_is_followed_to_its_end(stub: Stub, colonnade: Run) -> None:
    stub.routes["DELETE", "/subjects/ann"] = Answer(202, RUNNING)
    stub.routes["GET", "/erasures/era_1"] = Answer(body=DONE)
    ended = colonnade("subjects", "erase", "ann", "--yes", "--wait")
    assert ended.status == 0
    assert "nothing is left" in ended.err
    assert "tiny:1" in ended.err


def test_how_far_it_is(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    stub.routes["GET", "/erasures/era_1"] = Answer(body=RUNNING)
    shown = colonnade("subjects", "status", "era_1")
    assert shown.status == 0
    assert "usage 2" in shown.out
    assert "\x1b[2J" not in shown.out
    early = colonnade("subjects", "status", "era_1", "--receipt", str(tmp_path / "r.json"))
    assert early.status != 0
    stub.routes["GET", "/erasures/era_1"] = Answer(body=DONE)
    assert colonnade("subjects", "status", "era_1", "--receipt", str(tmp_path / "r.json")).status == 0
    assert (tmp_path / "r.json").read_text() == '{"payload": "x"}'


def test_a_receipt_is_verified(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    key, receipt = SigningKey.generate(), tmp_path / "receipt.json"
    receipt.write_text(signed({"erasure": "era_1"}, key))
    stub.routes["GET", "/erasures/key"] = Answer(body={"public_key": key.public})
    good = colonnade("subjects", "verify", str(receipt))
    assert good.status == 0
    assert "era_1" in good.out
    assert colonnade("subjects", "key").out == key.public
    other = tmp_path / "key.pem"
    other.write_text(SigningKey.generate().public)
    bad = colonnade("subjects", "verify", str(receipt), "--key", str(other))
    assert bad.status != 0
    assert "proves nothing" in bad.err
