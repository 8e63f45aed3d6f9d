"""``/v1/files`` and ``/v1/batches`` over HTTP: shapes, tenants, bad input."""

import json
from typing import Any

import httpx
import pytest

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import House

ADMIN = Caller(Principal("local", "local", frozenset({Role.ADMIN})), "test")
LINE = {
    "custom_id": "a",
    "method": "POST",
    "url": "/v1/completions",
    "body": {"model": "tiny", "prompt": "x"},
}
LINES = json.dumps(LINE).encode() + b"\n"
ORDER = {"endpoint": "/v1/completions", "completion_window": "24h"}


async def uploaded(client: httpx.AsyncClient, content: bytes = LINES, once: str = "") -> httpx.Response:
    form, headers = {"file": ("lines.jsonl", content)}, {"idempotency-key": once} if once else {}
    return await client.post("/v1/files", data={"purpose": "batch"}, files=form, headers=headers)


async def made(client: httpx.AsyncClient, **change: Any) -> httpx.Response:
    file_id = (await uploaded(client)).json()["id"]
    return await client.post("/v1/batches", json={"input_file_id": file_id} | ORDER | change)


async def test_a_file_from_its_upload_to_its_end(house: House, client: httpx.AsyncClient) -> None:
    file = (await uploaded(client)).json()
    assert file == {
        "id": file["id"],
        "object": "file",
        "bytes": len(LINES),
        "created_at": file["created_at"],
        "filename": "lines.jsonl",
        "purpose": "batch",
        "status": "processed",
        "status_details": None,
        "expires_at": None,
    }
    assert (await client.get(f"/v1/files/{file['id']}")).json() == file
    content = await client.get(f"/v1/files/{file['id']}/content")
    assert content.content == LINES
    assert content.headers["content-disposition"] == "attachment; filename*=UTF-8''lines.jsonl"
    deleted = await client.delete(f"/v1/files/{file['id']}")
    assert deleted.json() == {"id": file["id"], "object": "file", "deleted": True}
    for path in ("", "/content"):
        assert (await client.get(f"/v1/files/{file['id']}{path}")).status_code == 404
    assert house.contents.files == {}
    assert house.audit.seen == [("files.create", "ok"), ("files.delete", "ok")]


async def test_pages(client: httpx.AsyncClient) -> None:
    ids = [(await uploaded(client)).json()["id"] for _ in range(3)]
    page = (await client.get("/v1/files", params={"limit": 2, "order": "asc"})).json()
    assert [file["id"] for file in page["data"]] == sorted(ids, key=ids.index)[:2]
    assert (page["object"], page["first_id"], page["last_id"], page["has_more"]) == ("list", *ids[:2], True)
    rest = (await client.get("/v1/files", params={"after": ids[1], "order": "asc"})).json()
    assert ([file["id"] for file in rest["data"]], rest["has_more"]) == ([ids[2]], False)
    none = (await client.get("/v1/files", params={"purpose": "batch_output"})).json()
    assert (none["data"], none["first_id"], none["has_more"]) == ([], None, False)


@pytest.mark.parametrize(
    ("path", "param"),
    [
        ("/v1/files?limit=0", "limit"),
        ("/v1/files?limit=x", "limit"),
        ("/v1/files?order=up", "order"),
        ("/v1/files?purpose=vision", "purpose"),
        ("/v1/files?after=file-7", "after"),
        ("/v1/files?after=%00", "after"),
        ("/v1/batches?limit=101", "limit"),
        ("/v1/batches?after=batch_7", "after"),
        ("/v1/files/%00", "file_id"),
        ("/v1/batches/%00", "batch_id"),
    ],
)
async def test_bad_questions(client: httpx.AsyncClient, path: str, param: str) -> None:
    answer = await client.get(path)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


async def test_what_is_not_there(client: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/v1/files/file-7"),
        ("GET", "/v1/files/file-7/content"),
        ("DELETE", "/v1/files/file-7"),
        ("GET", "/v1/batches/batch_7"),
        ("POST", "/v1/batches/batch_7/cancel"),
    ):
        answer = await client.request(method, path)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")


async def test_bad_uploads(house: House, client: httpx.AsyncClient) -> None:
    empty = await uploaded(client, b"")
    large = await uploaded(client, b"x" * 9000)
    larger = await uploaded(client, b"x" * 100_000)
    other = await client.post("/v1/files", data={"purpose": "fine-tune"}, files={"file": ("a", b"x")})
    plain = await client.post("/v1/files", json={"purpose": "batch"})
    assert [each.status_code for each in (empty, large, larger, other, plain)] == [400, 413, 413, 400, 415]
    params = [each.json()["error"]["param"] for each in (empty, large, larger, other, plain)]
    assert params == ["file", "file", "file", "purpose", "content-type"]
    assert house.contents.files == {}
    assert (await uploaded(client)).status_code == 200


async def test_a_tenants_room_ends(house: House, client: httpx.AsyncClient) -> None:
    answers = [await uploaded(client, b"x" * 8000) for _ in range(9)]
    assert [each.status_code for each in answers] == [200] * 8 + [413]
    assert len(house.contents.files) == 8


async def test_the_same_upload_twice_is_one_file(house: House, client: httpx.AsyncClient) -> None:
    first, second = await uploaded(client, once="k"), await uploaded(client, once="k")
    assert first.json() == second.json()
    assert len(house.contents.files) == 1
    assert (await uploaded(client, b"other", "k")).status_code == 409


async def test_a_batch_as_it_is_made(house: House, client: httpx.AsyncClient) -> None:
    batch = (await made(client, metadata={"team": "é"})).json()
    times = ("in_progress", "finalizing", "completed", "failed", "expired", "cancelling", "cancelled")
    assert batch == {
        "id": batch["id"],
        "object": "batch",
        "endpoint": "/v1/completions",
        "errors": None,
        "input_file_id": batch["input_file_id"],
        "completion_window": "24h",
        "status": "validating",
        "output_file_id": None,
        "error_file_id": None,
        "created_at": batch["created_at"],
        "expires_at": batch["created_at"] + 86400,
        **{f"{each}_at": None for each in times},
        "request_counts": {"total": 0, "completed": 0, "failed": 0},
        "metadata": {"team": "é"},
    }
    assert batch["id"].startswith("batch_")
    assert (await client.get(f"/v1/batches/{batch['id']}")).json() == batch
    page = (await client.get("/v1/batches")).json()
    assert (page["data"], page["has_more"]) == ([batch], False)
    in_use = await client.delete(f"/v1/files/{batch['input_file_id']}")
    assert (in_use.status_code, in_use.json()["error"]["param"]) == (409, "file_id")
    cancelled = (await client.post(f"/v1/batches/{batch['id']}/cancel")).json()
    assert cancelled["status"] == "cancelling"
    assert cancelled["cancelling_at"] is not None
    assert house.audit.seen[1:] == [("batches.create", "ok"), ("batches.cancel", "ok")]


@pytest.mark.parametrize(
    ("change", "status", "param"),
    [
        ({"input_file_id": "file-7"}, 404, "file_id"),
        ({"input_file_id": ""}, 400, "input_file_id"),
        ({"input_file_id": None}, 400, "input_file_id"),
        ({"endpoint": "/generate"}, 400, "endpoint"),
        ({"completion_window": "7d"}, 400, "completion_window"),
        ({"metadata": {"a": 1}}, 400, "metadata.a"),
        ({"metadata": {"a" * 65: "x"}}, 413, "a key of metadata"),
        ({"metadata": {"a": "x" * 513}}, 413, "a value of metadata"),
        ({"metadata": dict.fromkeys(map(str, range(17)), "x")}, 400, "metadata"),
        ({"output_expires_after": {"anchor": "created_at", "seconds": 3600}}, 400, "output_expires_after"),
        ({"nonsense": 1}, 400, "nonsense"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
async def test_bad_orders(client: httpx.AsyncClient, change: dict[str, Any], status: int, param: str) -> None:
    answer = await made(client, **change)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


async def test_what_a_batch_left_is_no_input(house: House, client: httpx.AsyncClient) -> None:
    batch = (await made(client)).json()
    record = await house.file_store.find("local", batch["input_file_id"])
    assert record is not None
    object.__setattr__(record, "purpose", "batch_output")
    answer = await client.post("/v1/batches", json={"input_file_id": record.id} | ORDER)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "input_file_id")


async def test_the_same_order_twice_is_one_batch(client: httpx.AsyncClient) -> None:
    order = {"input_file_id": (await uploaded(client)).json()["id"]} | ORDER
    headers = {"idempotency-key": "once"}
    first = await client.post("/v1/batches", json=order, headers=headers)
    second = await client.post("/v1/batches", json=order, headers=headers)
    assert first.json() == second.json()
    other = order | {"endpoint": "/v1/embeddings"}
    assert (await client.post("/v1/batches", json=other, headers=headers)).status_code == 409


async def test_another_tenant_sees_nothing() -> None:
    house = House()
    secrets = {}
    for tenant, role in (("local", Role.ADMIN), ("acme", Role.CALLER), ("shop", Role.CALLER)):
        order = KeyOrder(tenant, frozenset({role}))
        secrets[tenant] = (await house.keys.create(ADMIN, order)).secret
    async with house.client(secrets["acme"]) as acme, house.client(secrets["shop"]) as shop:
        batch = (await made(acme)).json()
        for path in (f"/v1/batches/{batch['id']}", f"/v1/files/{batch['input_file_id']}"):
            assert (await acme.get(path)).status_code == 200
            assert (await shop.get(path)).status_code == 404
        assert (await shop.get(f"/v1/files/{batch['input_file_id']}/content")).status_code == 404
        assert (await shop.delete(f"/v1/files/{batch['input_file_id']}")).status_code == 404
        assert (await shop.post(f"/v1/batches/{batch['id']}/cancel")).status_code == 404
        stolen = await shop.post("/v1/batches", json={"input_file_id": batch["input_file_id"]} | ORDER)
        assert stolen.status_code == 404
        for path in ("/v1/files", "/v1/batches"):
            assert (await shop.get(path)).json()["data"] == []
            assert len((await acme.get(path)).json()["data"]) == 1


async def test_contents_without_a_record_are_swept(house: House, client: httpx.AsyncClient) -> None:
    kept = (await uploaded(client)).json()["id"]
    house.contents.files["file-orphan"] = b"x"
    await house.files.sweep()
    assert list(house.contents.files) == [kept]
