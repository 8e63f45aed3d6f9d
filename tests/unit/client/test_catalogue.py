"""What is said of models and versions: what both clients send, and what they make of the answer."""

import json
from datetime import UTC, datetime

import httpx
import pytest

from colonnade.client import FoundVersion, Metric, VersionDetail
from colonnade.errors import Conflict
from tests.unit.client.platform import Caller, answer, got, refused

MODEL = {"name": "tiny", "latest_version": 0, "tenant": "acme", "tags": {"a": "b"}}
FOUND = {
    "name": "tiny", "version": 2, "digest": "sha256:d", "family": "transformer", "tenant": "acme",
    "tags": {"a": "b"}, "metrics": [{"key": "loss", "value": 1.5, "step": 3}], "revision": 4,
    "aliases": ["production"], "description": "good", "newer": 1,
}  # fmt: skip
DETAIL = FOUND | {"card": "# Tiny", "signature": {"inputs": []}}


async def test_searches_go_on_to_the_last_page(caller: Caller) -> None:
    pages = [{"models": [MODEL], "next_page_token": "t"}, {"models": [MODEL], "next_page_token": ""}]
    versions = {"versions": [FOUND], "next_page_token": ""}
    caller.answers = [answer(pages[0]), answer(pages[1]), answer(versions)]
    client = caller.client()
    found = await got(client.models.search("name = 'tiny'"))
    assert [(each.tenant, each.tags, each.latest_version) for each in found] == [("acme", {"a": "b"}, 0)] * 2
    (version,) = await got(client.models.search_versions("metrics.loss < 2", order_by="updated_at DESC"))
    assert isinstance(version, FoundVersion)
    assert (version.metrics, version.revision) == ((Metric("loss", 1.5, 3),), 4)
    queries = [dict(request.url.params) for request in caller.requests]
    assert queries[0] == {"filter": "name = 'tiny'", "order_by": "name", "page_size": "100"}
    assert queries[1]["page_token"] == "t"
    assert queries[2]["order_by"] == "updated_at DESC"


async def test_a_version_and_its_card(caller: Caller) -> None:
    markdown = httpx.Response(200, text="# Tiny\n", headers={"content-type": "text/markdown; charset=utf-8"})
    caller.answers = [answer(DETAIL), markdown]
    client = caller.client()
    detail = await got(client.models.version("tiny", 2))
    assert isinstance(detail, VersionDetail)
    assert (detail.card, detail.signature, detail.aliases) == ("# Tiny", {"inputs": []}, ("production",))
    assert await got(client.models.card("tiny", 2)) == "# Tiny\n"
    assert [r.url.path for r in caller.requests] == [
        "/models/tiny/versions/2",
        "/models/tiny/versions/2/card",
    ]


async def test_what_is_said(caller: Caller) -> None:
    caller.answers = [answer(MODEL, 201), answer(MODEL), answer(DETAIL), answer(MODEL)]
    client = caller.client()
    await got(client.models.create("tiny", description="x", tags={"a": "b"}))
    await got(client.models.describe("tiny", set_tags={"a": "c"}, remove_tags=["d"]))
    at = datetime(2030, 1, 2, tzinfo=UTC)
    await got(
        client.models.describe_version(
            "tiny", 2, card="# Tiny", add_metrics=[Metric("loss", 1.5, 3, at)], expected_revision=0
        )
    )
    await got(client.models.rename("tiny", "other"))
    sent = [(r.method, r.url.path, json.loads(r.content)) for r in caller.requests]
    assert sent == [
        ("PUT", "/models/tiny", {"description": "x", "tags": {"a": "b"}}),
        ("PATCH", "/models/tiny", {"set_tags": {"a": "c"}, "remove_tags": ["d"]}),
        (
            "PATCH",
            "/models/tiny/versions/2",
            {
                "card": "# Tiny",
                "expected_revision": 0,
                "add_metrics": [{"key": "loss", "value": 1.5, "step": 3, "at": "2030-01-02T00:00:00+00:00"}],
            },
        ),
        ("POST", "/models/tiny/rename", {"to": "other"}),
    ]


async def test_what_leaves(caller: Caller) -> None:
    caller.answers = [httpx.Response(204), httpx.Response(204), refused(409, "conflict")]
    client = caller.client()
    await got(client.models.delete_version("tiny", 2, why="old"))
    await got(client.models.delete("tiny"))
    with pytest.raises(Conflict):
        await got(client.models.delete("tiny"))
    assert [str(request.url.raw_path, "ascii") for request in caller.requests] == [
        "/models/tiny/versions/2?why=old", "/models/tiny", "/models/tiny",
    ]  # fmt: skip
