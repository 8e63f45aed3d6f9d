"""Who may call what: the routes that exist, the access table, and every cell of it through HTTP."""

from dataclasses import dataclass
from datetime import UTC, datetime

import httpx
import pytest

from colonnade.gateway.domain.batches import Batch
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.fair_use import Kind, LimitRecord, Quota, Scope
from colonnade.gateway.domain.files import FileRecord, Purpose
from colonnade.gateway.domain.keys import KeyOrder
from colonnade.gateway.http.app import build_routes
from colonnade.gateway.http.route import GuardedRoute
from colonnade.security.access import allowed
from colonnade.security.access.gateway import ROUTES
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.fakes import House

LOCAL = Caller(Principal("local", "local", frozenset({Role.ADMIN})), "test")
FILE, READ_FILE, BATCH = "file-1", "file-2", "batch_1"
GRANTABLE = [role for role in Role if role is not Role.SERVICE]
BODIES = {
    "POST /generate": {"prompt": "x"},
    "POST /embed": {"input": "x"},
    "POST /score": {"text": "x"},
    "POST /tokenize": {"prompt": "x"},
    "POST /detokenize": {"tokens": [7]},
    "POST /v1/chat/completions": {"model": "tiny", "messages": [{"role": "user", "content": "x"}]},
    "POST /v1/completions": {"model": "tiny", "prompt": "x"},
    "POST /v1/embeddings": {"model": "tiny", "input": "x"},
    "POST /v1/responses": {"model": "tiny", "input": "x"},
    "POST /v2/models/{model}/generate": {"text_input": "x"},
    "POST /v2/models/{model}/generate_stream": {"text_input": "x"},
    "POST /v2/models/{model}/versions/{version}/generate": {"text_input": "x"},
    "POST /v2/models/{model}/versions/{version}/generate_stream": {"text_input": "x"},
    "POST /v1/batches": {
        "input_file_id": FILE,
        "endpoint": "/v1/chat/completions",
        "completion_window": "24h",
    },
    "POST /models/import": {"source": "bundled:x", "name": "tiny"},
    "PUT /models/{name}/aliases/{alias}": {"targets": [{"version": 1}]},
    "POST /keys": {"roles": ["caller"]},
    "POST /keys/{id}/rotate": {},
    "PUT /limits/keys/{id}": {},
    "PUT /limits/tenants/{tenant}": {},
    "PUT /limits/tenants/{tenant}/models/{model}": {},
}
PARTS = {"name": "tiny", "alias": "production", "model": "tiny", "version": "1", "tenant": "local"}
PARTS |= {"file": FILE, "batch": BATCH}
FORMS = {"POST /v1/files": {"file": ("lines.jsonl", b"{}")}}
ROUTE_KEYS = sorted(ROUTES)


@dataclass
class Keyed:
    house: House
    by_role: dict[Role, str]
    spare: str


@pytest.fixture
async def keyed() -> Keyed:
    house = House()
    made = {}
    for role in [Role.ADMIN, *(role for role in GRANTABLE if role is not Role.ADMIN)]:
        made[role] = (await house.keys.create(LOCAL, KeyOrder("local", frozenset({role})))).secret
    spare = await house.keys.create(LOCAL, KeyOrder("local", frozenset({Role.CALLER})))
    for scope in (
        Scope(Kind.KEY, "local", spare.record.id),
        Scope(Kind.TENANT, "local"),
        Scope(Kind.MODEL, "local", "tiny"),
    ):
        await house.limit_store.put(LimitRecord(scope, Quota(), datetime.now(UTC), "local"))
    await _keep_files(house)
    return Keyed(house, made, spare.record.id)


async def _keep_files(house: House) -> None:
    now = datetime.now(UTC)
    for file_id in (FILE, READ_FILE):
        house.contents.files[file_id] = b"{}"
        record = FileRecord(file_id, "local", "me", "", "lines.jsonl", Purpose.BATCH, 2, "", now)
        await house.file_store.add(record, 100)
    await house.batch_store.add(Batch(BATCH, "local", "me", "", "/v1/completions", READ_FILE, now, now))


async def call(keyed: Keyed, route: str, key: str) -> httpx.Response:
    method, template = route.split(" ")
    path = template.format_map(PARTS | {"id": keyed.spare})
    async with keyed.house.client(key) as client:
        if route in FORMS:
            return await client.request(method, path, data={"purpose": "batch"}, files=FORMS[route])
        return await client.request(method, path, json=BODIES.get(route))


def test_routes_and_table_list_the_same() -> None:
    house = House()
    app = build_routes(house.gateway, house.options)
    assert all(isinstance(route, GuardedRoute) for route in app.routes)
    keys = [route.key for route in app.routes if isinstance(route, GuardedRoute)]
    assert sorted(keys) == ROUTE_KEYS
    assert not any(allowed(ROUTES, f"{key}x", LOCAL.principal) for key in keys)


@pytest.mark.parametrize("role", GRANTABLE)
@pytest.mark.parametrize("route", ROUTE_KEYS)
async def test_every_cell(keyed: Keyed, route: str, role: Role) -> None:
    response = await call(keyed, route, keyed.by_role[role])
    principal = Principal("local", "x", frozenset({role}))
    if allowed(ROUTES, route, principal):
        assert response.is_success, response.text
    else:
        assert response.status_code == 403
        assert "permission_denied" in response.text or route.split(" ")[1].startswith("/v2/")
        assert not keyed.house.catalog.calls
        assert not keyed.house.generator.specs


@pytest.mark.parametrize("route", ROUTE_KEYS)
async def test_nobody(keyed: Keyed, route: str) -> None:
    response = await call(keyed, route, "")
    if allowed(ROUTES, route, None):
        assert response.is_success
    else:
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


async def test_a_route_that_is_not_in_the_table_is_denied() -> None:
    house = House()
    app = build_routes(house.gateway, house.options)
    route = next(route for route in app.routes if isinstance(route, GuardedRoute))
    house.doorkeeper._routes = {key: roles for key, roles in ROUTES.items() if key != route.key}
    async with house.client() as client:
        response = await client.post("/generate", json={"prompt": "x"})
    assert route.key == "POST /generate"
    assert response.status_code == 403


async def test_identity_is_asked_before_the_body_is_read(keyed: Keyed) -> None:
    async with keyed.house.client() as client:
        response = await client.post("/generate", content=b"not json at all")
    assert response.status_code == 401


async def test_an_open_gateway_is_the_local_admins() -> None:
    house = House()
    async with house.client() as client:
        assert (await client.get("/models")).status_code == 200
    assert house.catalog.callers[0].principal == Principal("local", "local", frozenset({Role.ADMIN}))
