"""Which names and pages may call, what a browser may do with a page, and for whom a socket speaks."""

import re
from collections.abc import MutableMapping
from typing import Any

import httpx
import pytest

from colonnade.console.guard import MAX_UPLOAD_BYTES, Guard
from colonnade.console.sessions import Session, Sessions
from tests.unit.console.conftest import ANN, COOKIE, HERE, KEY


async def test_a_page_runs_its_own_scripts_and_no_others(browser: httpx.AsyncClient) -> None:
    await browser.post("/sign-in", data={"key": KEY})
    page = await browser.get("/")
    policy = page.headers["content-security-policy"]
    (nonce,) = re.findall(r"'nonce-([\w-]+)'", policy)
    assert page.text.count(f'<script nonce="{nonce}"') == 2
    assert "&lt;script&gt;" in page.text
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    again = await browser.get("/")
    assert nonce not in again.text


async def test_what_is_no_page_runs_nothing(browser: httpx.AsyncClient) -> None:
    headers = (await browser.get("/sign-in")).headers
    assert "script-src 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8081", "127.0.0.1.evil.example", ""])
async def test_another_name_is_refused(browser: httpx.AsyncClient, host: str) -> None:
    assert (await browser.get("/sign-in", headers={"host": host})).status_code == 403


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:9999", ""])
async def test_another_site_cannot_sign_anybody_in_or_out(browser: httpx.AsyncClient, origin: str) -> None:
    for path in ("/sign-in", "/sign-out"):
        assert (await browser.post(path, data={"key": KEY}, headers={"origin": origin})).status_code == 403


async def test_a_post_that_names_no_page_is_refused(guard: Guard) -> None:
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=HERE) as program:
        assert (await program.post("/sign-in", data={"key": KEY})).status_code == 403


@pytest.mark.parametrize("path", ["/", "/models", "/usage.csv", "/nowhere", "/assets", "/Sign-In"])
async def test_nothing_is_shown_to_nobody(browser: httpx.AsyncClient, path: str) -> None:
    assert (await browser.get(path)).status_code == 303


async def test_a_strange_cookie_is_none(browser: httpx.AsyncClient) -> None:
    for cookie in (f"{COOKIE}=x", f"{COOKIE}=\u00ff", "a=b; ;;=", f'{COOKIE}="'):
        assert (await browser.get("/", headers={b"cookie": cookie.encode("latin-1")})).status_code == 303


async def socket(guard: Guard, headers: dict[str, str], query: str = "client_id=page-1") -> str:
    """How the guard meets a websocket: ``websocket.close``, or ``inside`` where it lets it through."""
    sent: list[str] = []

    async def inside(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        sent.append("inside")

    async def receive() -> MutableMapping[str, Any]:
        return {"type": "websocket.connect"}

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message["type"])

    guard._app = inside
    scope = {
        "type": "websocket",
        "path": "/_nicegui_ws/socket.io",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }
    await guard(scope, receive, send)
    return sent[0]


async def test_a_socket_speaks_for_a_page_of_its_own_session(guard: Guard, sessions: Sessions) -> None:
    from colonnade.client import AsyncColonnade

    mine, theirs = [await sessions.begin(AsyncColonnade(HERE, "ck_x"), ANN) for _ in range(2)]
    owners: dict[str, Session] = {"page-1": mine, "page-2": theirs}
    guard._owner = owners.get
    headers = {"host": "127.0.0.1:8081", "origin": HERE, "cookie": f"{COOKIE}={mine.id}"}
    assert await socket(guard, headers) == "inside"
    assert await socket(guard, headers, "client_id=page-2") == "websocket.close"
    assert await socket(guard, headers, "") == "websocket.close"
    assert await socket(guard, headers | {"origin": "http://evil.example"}) == "websocket.close"
    assert await socket(guard, headers | {"host": "evil.example"}) == "websocket.close"
    assert await socket(guard, {name: headers[name] for name in ("host", "cookie")}) == "websocket.close"
    assert await socket(guard, headers | {"cookie": ""}) == "websocket.close"
    await sessions.end(mine)
    assert await socket(guard, headers) == "websocket.close"


async def test_sockets_do_not_come_as_plain_requests(browser: httpx.AsyncClient) -> None:
    assert (await browser.get("/_nicegui_ws/socket.io/?transport=polling")).status_code == 404


async def test_a_forwarded_prefix_is_not_written_into_pages(guard: Guard) -> None:
    seen: list[bytes] = []

    async def inside(scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        seen.extend(name for name, _ in scope["headers"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    guard._app = inside
    async with httpx.AsyncClient(transport=httpx.ASGITransport(guard), base_url=HERE) as browser:
        await browser.get("/assets/x", headers={"x-forwarded-prefix": "/evil"})
    assert seen
    assert b"x-forwarded-prefix" not in seen


async def test_a_file_goes_to_a_page_of_its_own_session_alone(
    guard: Guard, sessions: Sessions, browser: httpx.AsyncClient
) -> None:
    path, other = "/_nicegui/client/mine/upload/7", "/_nicegui/client/theirs/upload/7"
    assert (await browser.post(path, content=b"x")).status_code == 403, "nobody has signed in"
    await browser.post("/sign-in", data={"key": KEY})
    owners: dict[str, Session] = guard._app.state.owners  # type: ignore[attr-defined]
    mine = sessions.find(browser.cookies[COOKIE])
    assert mine is not None
    owners |= {"mine": mine, "theirs": await sessions.begin(mine.client, ANN)}
    assert (await browser.post(other, content=b"x")).status_code == 403
    too_large = {"content-length": str(MAX_UPLOAD_BYTES * 2)}
    assert (await browser.post(path, content=b"x", headers=too_large)).status_code == 403
    assert (await browser.post(path, content=b"x")).status_code == 405, "let through, to what takes no file"
