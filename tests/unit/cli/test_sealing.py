"""``colonnade models seals`` and ``colonnade models sign``."""

import json
from collections.abc import Callable
from typing import Any

from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
SEAL = {
    "version": 1,
    "key": "ab" * 32,
    "current": True,
    "sealed_at": "2030-01-02T03:04:05Z",
    "sealed_by": "local/eve",
}
NONE = {"version": 2, "key": "", "current": False, "sealed_at": None, "sealed_by": ""}
LISTED = {"seals": [NONE, SEAL], "key": "ab" * 32, "public_key": "PEM"}


def test_seals_are_listed(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models/tiny/seals"] = Answer(body=LISTED)
    done = colonnade("models", "seals", "tiny")
    assert done.status == 0
    assert "not signed" in done.out
    assert "abababababababab (now)" in done.out
    assert (
        json.loads(colonnade("models", "seals", "tiny", "--json").out)["seals"][1]["sealed_by"] == "local/eve"
    )


def test_one_version_is_signed_or_all(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models/tiny/seals"] = Answer(body=LISTED)
    for number in (1, 2):
        stub.routes["POST", f"/models/tiny/versions/{number}/seal"] = Answer(body=SEAL | {"version": number})
    done = colonnade("models", "sign", "tiny:2")
    assert (done.status, done.err) == (0, "Signed tiny:2 with abababababababab.\n")
    done = colonnade("models", "sign", "tiny")
    assert done.err.splitlines() == [f"Signed tiny:{number} with abababababababab." for number in (1, 2)]


def test_what_is_no_version_is_refused(stub: Stub, colonnade: Run) -> None:
    assert colonnade("models", "sign", "tiny@production").status != 0
