"""``/models/{name}/drafts``: what comes in, what goes out, and what is refused before it is read."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from tests.unit.gateway.fakes import House
from tests.unit.gateway.memory_drafts import PATH
from tests.unit.gateway.memory_registry import CONTENT

DIGEST = f"sha256:{'0' * 64}"
DRAFT = "/models/tiny/drafts/2"
PIECE = {"content-type": "application/offset+octet-stream", "upload-offset": "8"}


async def ask(house: House, method: str, path: str, **more: object) -> httpx.Response:
    async with house.client() as client:
        return await client.request(method, path, **more)  # type: ignore[arg-type]


async def test_one_is_begun(house: House) -> None:
    body = {"alias": "candidate", "source": "bundled:x", "description": "d", "base": "big:1"}
    headers = {"idempotency-key": "k"}
    answer = await ask(house, "POST", "/models/tiny/versions", json=body, headers=headers)
    assert (answer.status_code, answer.headers["location"]) == (201, "/models/tiny/drafts/3")
    assert answer.json()["state"] == "waiting"
    order = house.drafts.orders[0]
    assert (order.model, order.source, order.idempotency_key, order.base) == (
        "tiny", "bundled:x", "k", "big:1",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/models/Tiny/versions", {}, "name"),
        ("/models/tiny/versions", {"alias": "A b"}, "alias"),
        ("/models/tiny/versions", {"source": "a\nb"}, "source"),
        ("/models/tiny/versions", {"what": 1}, "what"),
    ],
)
async def test_bad_orders_are_refused(house: House, path: str, body: dict[str, object], field: str) -> None:
    answer = await ask(house, "POST", path, json=body)
    assert answer.status_code == 400
    assert field in answer.text
    assert not house.drafts.orders


async def test_files_are_announced_and_looked_at(house: House) -> None:
    files = [{"path": "config.json", "size_bytes": 2, "digest": DIGEST}]
    answer = await ask(house, "PUT", f"{DRAFT}/files", json={"files": files})
    assert answer.json() == {"files": [files[0] | {"received": 0}]}
    head = await ask(house, "HEAD", f"{DRAFT}/files/{PATH}")
    assert (head.status_code, head.headers["upload-offset"], head.headers["upload-length"]) == (
        204,
        "8",
        "16",
    )
    assert (await ask(house, "HEAD", f"{DRAFT}/files/none.json")).status_code == 404
    shown = (await ask(house, "GET", DRAFT)).json()
    assert [file["received"] for file in shown["files"]] == [8, 0]
    assert len((await ask(house, "GET", "/models/tiny/drafts")).json()["drafts"]) == 1


@pytest.mark.parametrize(
    "file",
    [
        {"path": "../x.json", "size_bytes": 2, "digest": DIGEST},
        {"path": "x.json", "size_bytes": 0, "digest": DIGEST},
        {"path": "x.json", "size_bytes": 2, "digest": "abc"},
        {"path": "x.json", "size_bytes": "2", "digest": DIGEST},
    ],
)
async def test_bad_files_are_refused(house: House, file: dict[str, object]) -> None:
    answer = await ask(house, "PUT", f"{DRAFT}/files", json={"files": [file]})
    assert answer.status_code == 400


async def test_a_piece_is_written_as_it_comes(house: House) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield CONTENT[8:10]
        yield CONTENT[10:]

    answer = await ask(house, "PATCH", f"{DRAFT}/files/{PATH}", content=pieces(), headers=PIECE)
    assert (answer.status_code, answer.headers["upload-offset"]) == (200, "16")
    assert house.drafts.written[PATH] == CONTENT


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"upload-offset": "7"}, 409),
        ({"upload-offset": "-1"}, 400),
        ({"upload-offset": "x"}, 400),
        ({"content-type": "application/json"}, 415),
        ({"content-encoding": "gzip"}, 415),
        ({"content-length": "99999999999"}, 413),
    ],
)
async def test_a_bad_piece_is_refused(house: House, headers: dict[str, str], status: int) -> None:
    answer = await ask(house, "PATCH", f"{DRAFT}/files/{PATH}", content=b"x", headers=PIECE | headers)
    assert answer.status_code == status
    assert house.drafts.written[PATH] == CONTENT[:8]
    if status == 409:
        assert answer.json()["error"]["details"]["offset"] == 8


async def test_a_piece_without_an_offset_is_refused(house: House) -> None:
    headers = {"content-type": PIECE["content-type"]}
    answer = await ask(house, "PATCH", f"{DRAFT}/files/{PATH}", content=b"x", headers=headers)
    assert answer.status_code == 400
    assert "upload-offset" in answer.text


async def test_sealing_answers_as_an_import_does(house: House) -> None:
    whole = await ask(house, "POST", f"{DRAFT}/seal")
    assert (whole.status_code, whole.json()["version"]["version"]) == (201, 1)
    stream = await ask(house, "POST", f"{DRAFT}/seal", headers={"accept": "text/event-stream"})
    assert '"stage":"convert"' in stream.text.replace(" ", "")
    assert stream.text.endswith("data: [DONE]\n\n")


async def test_one_is_discarded(house: House) -> None:
    assert (await ask(house, "DELETE", DRAFT)).status_code == 204
    assert house.drafts.discarded == [("tiny", 2)]


async def test_a_file_that_is_not_there(house: House) -> None:
    assert (await ask(house, "GET", "/models/tiny/versions/9/files/x.json")).status_code == 404
    assert (await ask(house, "GET", "/models/tiny/versions/1/files/x.json")).status_code == 404


async def test_acts_are_on_the_record(house: House) -> None:
    await asyncio.gather(
        ask(house, "POST", "/models/tiny/versions", json={}),
        ask(house, "POST", f"{DRAFT}/seal"),
        ask(house, "DELETE", DRAFT),
    )
    acts = {record[0] for record in house.audit.records}
    assert {"draft.begin", "draft.seal", "draft.discard"} <= acts
