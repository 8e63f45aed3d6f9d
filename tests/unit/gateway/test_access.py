"""Who may call what: the routes that exist, the access table, and every cell of it through HTTP."""

import pytest

from colonnade.gateway.http.app import build_routes
from colonnade.gateway.http.route import GuardedRoute
from colonnade.security.access import allowed
from colonnade.security.access.gateway import ROUTES
from colonnade.security.identity import Principal, Role
from tests.unit.gateway.every_route import GRANTABLE, LOCAL, Keyed, call, keyed_house
from tests.unit.gateway.fakes import House

ROUTE_KEYS = sorted(ROUTES)


@pytest.fixture
async def keyed() -> Keyed:
    return await keyed_house()


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
        told = "permission_denied" in response.text.lower() or route.startswith("HEAD ")
        assert told or route.split(" ")[1].startswith("/v2/")
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
