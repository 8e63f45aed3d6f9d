"""``colonnade models search``, ``describe``, ``card``, ``tag``, ``delete``, ``rename`` and ``compare``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from colonnade.cli.cataloguing import named, version_of
from colonnade.errors import InvalidArgument
from tests.unit.cli.stub import LISTED, VERSION, Answer, Stub

Run = Callable[..., Any]
DETAIL = VERSION | {
    "tenant": "acme", "tags": {"team": "search"}, "revision": 1, "card": "# x", "signature": {},
    "metrics": [{"key": "loss", "value": 2.5, "step": 1}, {"key": "loss", "value": 1.5, "step": 2}],
}  # fmt: skip


def test_searches(stub: Stub, colonnade: Run) -> None:
    models = {"models": [LISTED | {"tenant": "acme", "tags": {"a": "b"}}], "next_page_token": ""}
    query = "filter=tags.a+%3D+%27b%27&order_by=name&page_size=100"
    stub.routes["GET", f"/models?{query}"] = Answer(body=models)
    shown = colonnade("models", "search", "tags.a = 'b'")
    assert shown.status == 0
    assert all(word in shown.out for word in ("smollm2", "acme", "a=b"))
    found = {"versions": [DETAIL], "next_page_token": ""}
    stub.routes["GET", "/versions?page_size=100"] = Answer(body=found)
    assert json.loads(colonnade("models", "search", "--versions", "--json").out)[0]["tags"] == {
        "team": "search"
    }


def test_what_is_said(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    card = tmp_path / "card.md"
    card.write_text("# Mine\n")
    stub.routes["PATCH", "/models/smollm2/versions/1"] = Answer(body=DETAIL)
    stub.routes["PATCH", "/models/smollm2"] = Answer(body=LISTED)
    stub.routes["PUT", "/models/new"] = Answer(201, LISTED)
    assert colonnade("models", "describe", "smollm2:1", "--card", str(card)).status == 0
    assert stub.last.body == {"card": "# Mine\n"}
    assert colonnade("models", "describe", "new", "--create", "--description", "x").status == 0
    assert stub.last.body == {"description": "x"}
    assert colonnade("models", "tag", "smollm2", "team=search", "old-").status == 0
    assert stub.last.body == {"set_tags": {"team": "search"}, "remove_tags": ["old"]}
    assert colonnade("models", "tag", "smollm2:1", "a=b=c").status == 0
    assert stub.last.body == {"set_tags": {"a": "b=c"}}
    for wrong in (
        ("describe", "smollm2", "--card", str(card)),
        ("describe", "a:1", "--create"),
        ("tag", "a", "b"),
    ):
        assert colonnade("models", *wrong).status != 0


def test_what_leaves(stub: Stub, colonnade: Run) -> None:
    stub.routes["DELETE", "/models/smollm2/versions/1?why=old"] = Answer(204)
    stub.routes["DELETE", "/models/smollm2"] = Answer(204)
    stub.routes["POST", "/models/smollm2/rename"] = Answer(body=LISTED)
    assert "Deleted smollm2:1" in colonnade("models", "delete", "smollm2:1", "--why", "old").err
    assert colonnade("models", "delete", "smollm2").status == 0
    assert "smollm2 is tiny now" in colonnade("models", "rename", "smollm2", "tiny").err


def test_two_versions_side_by_side(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models/smollm2/versions/1"] = Answer(body=DETAIL)
    other = DETAIL | {"version": 2, "context_length": 8192, "metrics": [], "tags": {}}
    stub.routes["GET", "/models/smollm2/versions/2"] = Answer(body=other)
    shown = json.loads(colonnade("models", "compare", "smollm2:1", "smollm2:2", "--json").out)
    assert (shown["context"], shown["metrics.loss"]) == (["2048", "8192"], ["1.5", ""])
    lines = colonnade("models", "compare", "smollm2:1", "smollm2:2").out.splitlines()
    assert next(line for line in lines if "context" in line).rstrip().endswith("*")
    assert not next(line for line in lines if "family" in line).rstrip().endswith("*")


@pytest.mark.parametrize("text", ["smollm2:", "smollm2:0", "smollm2:x", "smollm2:-1"])
def test_what_is_no_version(text: str) -> None:
    with pytest.raises(InvalidArgument, match="smollm2:3"):
        named(text)
    with pytest.raises(InvalidArgument):
        version_of("smollm2")
