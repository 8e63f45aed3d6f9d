"""Who gets in, with what cookie, and what those are told who do not."""

import httpx
import pytest

from colonnade.console.sessions import Sessions
from tests.unit.console.conftest import COOKIE, HERE, KEY, WRONG, Clock, PlayedGateway, guarded, opened


async def sign_in(browser: httpx.AsyncClient, key: str = KEY, **form: str) -> httpx.Response:
    return await browser.post("/sign-in", data={"key": key, **form})


async def test_without_a_session_one_is_led_to_the_sign_in_and_back(browser: httpx.AsyncClient) -> None:
    sent = await browser.get("/models")
    assert (sent.status_code, sent.headers["location"]) == (303, "/sign-in?next=/models")
    assert 'name="next" value="/models"' in (await browser.get(sent.headers["location"])).text
    done = await sign_in(browser, next="/models")
    assert (done.status_code, done.headers["location"]) == (303, "/models")
    assert "aaaaaaaaaaaaaaaa" in (await browser.get("/models")).text


async def test_the_cookie_is_kept_from_scripts_and_other_sites(browser: httpx.AsyncClient) -> None:
    cookie = (await sign_in(browser)).headers["set-cookie"].lower()
    assert cookie.startswith(f"{COOKIE}=")
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert "secure" not in cookie
    assert KEY not in cookie


async def test_over_https_the_cookie_stays_there(
    gateway: PlayedGateway, sessions: Sessions, clock: Clock
) -> None:
    guard = guarded(gateway, sessions, clock, local=False)
    transport = httpx.ASGITransport(guard, client=("10.1.1.1", 5))
    origin = {"origin": "https://console.example.com", "host": "console.example.com"}
    async with httpx.AsyncClient(transport=transport, base_url=HERE, headers=origin) as browser:
        assert "secure" in (await sign_in(browser)).headers["set-cookie"].lower()


@pytest.mark.parametrize("key", [WRONG, "nonsense", "", "ck_x_y", KEY + "x"], ids=range(5))
async def test_a_wrong_key_gets_nothing_but_a_remedy(browser: httpx.AsyncClient, key: str) -> None:
    refused = await sign_in(browser, key)
    assert refused.status_code == 401
    assert "not valid" in refused.text
    assert "set-cookie" not in refused.headers
    assert not key or key not in refused.text


async def test_after_a_few_wrong_keys_a_right_one_waits_too(browser: httpx.AsyncClient, clock: Clock) -> None:
    for _ in range(2):
        await sign_in(browser, WRONG)
    waiting = await sign_in(browser)
    assert waiting.status_code == 429
    assert "60 seconds" in waiting.text
    clock.now += 60
    assert (await sign_in(browser)).status_code == 303


async def test_while_the_gateway_is_away_the_page_says_so(
    browser: httpx.AsyncClient, gateway: PlayedGateway
) -> None:
    gateway.away = True
    for page in (await browser.get("/sign-in"), await sign_in(browser)):
        assert page.status_code == 503
        assert "colonnade up" in page.text
    gateway.away = False
    assert (await sign_in(browser)).status_code == 303


async def test_an_open_gateway_needs_no_sign_in(browser: httpx.AsyncClient, gateway: PlayedGateway) -> None:
    gateway.open = True
    page = await browser.get("/")
    assert "anybody" in page.text
    assert "httponly" in page.headers["set-cookie"].lower()
    assert "set-cookie" not in (await browser.get("/")).headers, "the session is kept"
    assert (await browser.get("/sign-in?next=/keys")).headers["location"] == "/keys"


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-forwarded-host"])
async def test_a_proxy_is_not_lent_the_rights_of_this_machine(
    browser: httpx.AsyncClient, gateway: PlayedGateway, name: str
) -> None:
    gateway.open = True
    assert (await browser.get("/", headers={name: "1.2.3.4"})).status_code == 303


async def test_where_others_can_call_an_open_gateway_lets_nobody_in(
    gateway: PlayedGateway, sessions: Sessions, clock: Clock
) -> None:
    gateway.open = True
    async with opened(guarded(gateway, sessions, clock, local=False)) as browser:
        assert (await browser.get("/")).status_code == 303
        page = await browser.get("/sign-in")
        assert "colonnade keys create" in page.text
        assert (await sign_in(browser, KEY)).status_code == 503
        assert len(sessions) == 0


async def test_signing_out_ends_the_session(browser: httpx.AsyncClient, sessions: Sessions) -> None:
    await sign_in(browser)
    out = await browser.post("/sign-out")
    assert out.headers["location"] == "/sign-in?why=out"
    assert len(sessions) == 0
    assert (await browser.get("/")).status_code == 303


async def test_a_new_sign_in_ends_the_session_before(browser: httpx.AsyncClient, sessions: Sessions) -> None:
    await sign_in(browser)
    before = browser.cookies[COOKIE]
    await sign_in(browser)
    assert len(sessions) == 1
    assert browser.cookies[COOKIE] != before


async def test_after_its_end_a_session_is_said_to_have_ended(
    browser: httpx.AsyncClient, clock: Clock
) -> None:
    await sign_in(browser)
    clock.now += 3600
    sent = await browser.get("/keys")
    assert sent.headers["location"] == "/sign-in?next=/keys&why=again"
    assert "has ended" in (await browser.get(sent.headers["location"])).text


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/sign-out", "/a\r\nx: y"],
    ids=range(5),
)
async def test_one_is_led_nowhere_else(browser: httpx.AsyncClient, target: str) -> None:
    assert (await sign_in(browser, next=target)).headers["location"] == "/"


async def test_what_stands_in_the_address_is_inert(browser: httpx.AsyncClient) -> None:
    page = (await browser.get("/sign-in", params={"next": '/"><script>alert(1)</script>'})).text
    assert "<script" not in page


async def test_a_form_of_any_size_is_not_read(browser: httpx.AsyncClient) -> None:
    assert (await sign_in(browser, "x" * 100_000)).status_code == 401


@pytest.mark.parametrize(("theme", "shown"), [("dark", "dark"), ("light", "light"), ('"><', "system")])
async def test_the_sign_in_has_the_remembered_theme(
    browser: httpx.AsyncClient, theme: str, shown: str
) -> None:
    page = await browser.get("/sign-in", headers={"cookie": f"colonnade_theme={theme}"})
    assert f'data-theme="{shown}"' in page.text
