"""What is said of models and versions, by REST: shapes, checks, records and what is forgotten."""

from dataclasses import replace
from typing import Any

import pytest

from colonnade.gateway.domain.cards import full_card
from colonnade.gateway.domain.catalogue import Metric, VersionRecord
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.lineage import Evaluation
from colonnade.gateway.domain.models import Artefact, Version
from colonnade.gateway.service.descriptions import Descriptions
from colonnade.security.identity import Principal
from tests.unit.gateway.fakes import House

CALLER = Caller(Principal.service("gateway"), "r")
RECORD = VersionRecord(
    Version("tiny", 2, "sha256:d", "transformer", 1000, "1M", 64, 4000, "/a", "sha256:s", "acme/eve",
            artefacts=(Artefact("a|b.json", "sha256:f", 10),)),
    "acme", metrics=(Metric("loss", 2.5, 1), Metric("loss", 1.5, 9)), aliases=("production",),
)  # fmt: skip


async def test_a_model_and_what_is_said_of_it() -> None:
    house = House()
    async with house.client() as client:
        made = await client.put("/models/new", json={"description": "x", "tags": {"team": "search"}})
        assert (made.status_code, made.json()["latest_version"]) == (201, 0)
        said = await client.patch("/models/new", json={"set_tags": {"a": "b"}})
        assert said.json()["tags"]["a"] == "b"
        renamed = await client.post("/models/new/rename", json={"to": "newer"})
        assert renamed.json()["name"] == "newer"
        assert (await client.delete("/models/newer?why=old")).status_code == 204
        assert (await client.get("/models/newer")).status_code == 404
    acts = [record[0] for record in house.audit.records]
    for act in ("model.create", "model.describe", "model.rename", "model.delete"):
        assert act in acts


async def test_a_version_and_its_card() -> None:
    house = House()
    async with house.client() as client:
        body = {"description": "good", "set_tags": {"x": "1"}, "expected_revision": 0}
        said = await client.patch("/models/tiny/versions/1", json=body)
        assert (said.status_code, said.json()["description"]) == (200, "good")
        found = await client.get("/models/tiny/versions/1")
        assert (found.json()["tags"], found.json()["aliases"]) == ({"x": "1"}, ["production"])
        card = await client.get("/models/tiny/versions/1/card")
        assert card.headers["content-type"].startswith("text/markdown")
        assert "## What the platform knows of it" in card.text
        assert (await client.delete("/models/tiny/versions/1")).status_code == 204
        assert (await client.get("/models/tiny/versions/1")).status_code == 404


async def test_searches() -> None:
    house = House()
    async with house.client() as client:
        plain = (await client.get("/models")).json()["models"]
        assert "tags" not in plain[0]
        found = await client.get("/models", params={"filter": "name = 'tiny'", "order_by": "name"})
        assert found.json()["models"][0]["tags"] == {}
        versions = await client.get("/versions", params={"filter": "tags.a = 'b'", "page_size": 3})
        assert "card" not in versions.json()["versions"][0]
    assert [(each.filter, each.page_size) for each in house.catalogue.searches] == [
        ("name = 'tiny'", 100), ("tags.a = 'b'", 3),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("method", "path", "body", "field"),
    [
        ("PUT", "/models/BAD", {}, "name"),
        ("PUT", "/models/new", {"tags": {"a": 1}}, "tags"),
        ("PATCH", "/models/tiny", {"set_tags": {"": "x"}}, "set_tags"),
        ("PATCH", "/models/tiny", {"description": "x" * 2001}, "description"),
        ("PATCH", "/models/tiny/versions/0", {}, "version"),
        ("PATCH", "/models/tiny/versions/1", {"card": "x" * (256 * 1024 + 1)}, "card"),
        ("PATCH", "/models/tiny/versions/1", {"add_metrics": [{"key": "a", "value": "b"}]}, "value"),
        ("PATCH", "/models/tiny/versions/1", {"add_metrics": [{"key": "a", "value": 1, "at": "x"}]}, "at"),
        ("PATCH", "/models/tiny/versions/1", {"expected_revision": -1}, "expected_revision"),
        ("POST", "/models/tiny/rename", {"to": "../x"}, "to"),
        ("GET", "/versions?page_size=1000", None, "page_size"),
        ("GET", f"/versions?filter={'x' * 7000}", None, "filter"),
        ("DELETE", f"/models/tiny?why={'x' * 1001}", None, "why"),
    ],
)
async def test_bad_input(method: str, path: str, body: Any, field: str) -> None:
    async with House().client() as client:
        answer = await client.request(method, path, json=body)
    assert answer.status_code in (400, 413, 422), answer.text
    assert field in answer.json()["error"]["details"]["field"]


async def test_resolutions_are_forgotten_when_something_leaves() -> None:
    house, heard = House(), list[int]()
    said = Descriptions(house.catalogue, house.evaluations, house.audit, lambda: heard.append(1))
    house.catalogue.put("other", 1, 2)
    await said.delete_version(CALLER, "other", 1, "")
    await said.rename_model(CALLER, "other", "another")
    await said.delete_model(CALLER, "another", "")
    assert len(heard) == 3


def test_a_card_has_the_facts_after_the_words() -> None:
    card = full_card(RECORD, [Evaluation("tiny", 2, "arc", {"accuracy": 0.5}, outcome="passed")])
    assert card.startswith("# tiny 2\n")
    assert "| loss | 1.5 | 9 |" in card
    assert "| arc | accuracy | 0.5 | passed |" in card
    assert "a\\|b.json" in card


def test_a_card_keeps_its_authors_words_and_nothing_else_is_markup() -> None:
    card = full_card(replace(RECORD, card="# Mine\n\nBy me.\n", description="<b>x</b>\n# y"))
    assert card.startswith("# Mine\n\nBy me.\n\n\\<b\\>x\\</b\\> \\# y\n")
