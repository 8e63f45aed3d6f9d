"""``colonnade events`` and ``colonnade webhooks``."""

import json
from collections.abc import Callable
from typing import Any

from tests.unit.cli.stub import Answer, Stub, error

Run = Callable[..., Any]
MOVED = {
    "number": 7, "at": "2030-01-02T03:04:05Z", "kind": "alias.moved", "tenant": "local", "model": "tiny",
    "version": 2, "alias": "production", "by": "local/ann", "facts": {"revision": "3", "targets": "2=100"},
}  # fmt: skip
MADE = MOVED | {"number": 8, "kind": "garbage.collected", "model": "", "alias": "", "version": 0, "facts": {}}
KEPT = {
    "id": "wh_1", "url": "https://a", "models": [], "kinds": ["alias.*"], "state": "given_up", "delivered": 3,
    "last": 5, "failures": 9, "last_error": "the receiver answered 500",
}  # fmt: skip


def page(*events: Any, last: int = 8, after: int = 8) -> Answer:
    return Answer(body={"events": list(events), "last": last, "next_after": after})


def test_the_newest_are_shown(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/events?after=-50"] = page(MOVED, MADE)
    lines = colonnade("events").out.splitlines()
    assert lines == [
        "     7  2030-01-02 03:04:05  alias.moved  tiny@production  version 2  local/ann"
        "  revision=3 targets=2=100",
        "     8  2030-01-02 03:04:05  garbage.collected  local/ann",
    ]


def test_all_pages_of_what_is_asked_for(stub: Stub, colonnade: Run) -> None:
    query = "models=tiny%2Cother&kinds=alias.%2A"
    stub.routes["GET", f"/events?after=0&{query}"] = page(MOVED, after=7)
    stub.routes["GET", f"/events?after=7&{query}"] = page(MADE)
    asked = ("events", "--since", "0", "--model", "tiny", "--model", "other", "--kind", "alias.*", "--json")
    assert [json.loads(line)["number"] for line in colonnade(*asked).out.splitlines()] == [7, 8]
    stub.routes["GET", "/events?after=8"] = page()
    assert "Nothing" in colonnade("events", "--since", "8").err


def test_what_happens_is_followed(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/events?limit=1"] = page(MOVED)
    data = [f"id: {each['number']}\nevent: {each['kind']}\ndata: {json.dumps(each)}\n\n" for each in (MOVED,)]
    stub.routes["GET", "/events?after=6"] = Answer(events=["id: 6\n: alive\n\n", *data])
    stub.routes["GET", "/events?after=7"] = error(403, "permission_denied", "the key was revoked")
    done = colonnade("events", "--follow", "--since", "6")
    assert done.status != 0
    assert done.out.startswith("     7  2030-01-02 03:04:05  alias.moved  tiny@production")
    assert "the key was revoked" in done.err


def test_a_webhook_is_made_and_its_secret_printed_alone(stub: Stub, colonnade: Run) -> None:
    stub.routes["POST", "/webhooks"] = Answer(201, KEPT | {"secret": "whsec_x", "state": "active"})
    done = colonnade("webhooks", "create", "https://a", "--kind", "alias.*", "--since", "0")
    assert (done.status, done.out) == (0, "whsec_x\n")
    assert "wh_1" in done.err
    assert stub.last.body == {"url": "https://a", "models": [], "kinds": ["alias.*"], "after": 0}
    made = colonnade("webhooks", "create", "https://a", "--json")
    assert json.loads(made.out)["secret"] == "whsec_x"


def test_webhooks_are_listed_resumed_and_deleted(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/webhooks"] = Answer(body={"webhooks": [KEPT]})
    shown = colonnade("webhooks", "list").out
    assert "given_up, 9 failures" in shown
    assert "3 of 5" in shown
    assert "the receiver answered 500" in shown
    assert json.loads(colonnade("webhooks", "list", "--json").out)[0]["id"] == "wh_1"
    stub.routes["POST", "/webhooks/wh_1/resume"] = Answer(body=KEPT | {"state": "active"})
    assert "wh_1 goes on after event 3" in colonnade("webhooks", "resume", "wh_1").err
    stub.routes["DELETE", "/webhooks/wh_1"] = Answer(204)
    assert "Deleted wh_1" in colonnade("webhooks", "delete", "wh_1").err
    stub.routes["GET", "/webhooks"] = Answer(body={"webhooks": []})
    assert "There are no webhooks" in colonnade("webhooks", "list").err
