"""Whatever is sent to the registry's routes is answered or refused in the one shape: no fault of ours."""

import json
import re
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from colonnade.gateway.http.app import build_routes
from colonnade.gateway.http.route import GuardedRoute
from tests.unit.gateway.every_route import BODIES, PARTS, QUERIES
from tests.unit.gateway.fakes import House

NOUNS = re.compile(r"/(models|versions|rollouts|policies|lineage|events|webhooks|registry|mlflow)\b")
HOUSE = House()
ROUTES = {
    route.key: route
    for route in build_routes(HOUSE.gateway, HOUSE.options).routes
    if isinstance(route, GuardedRoute) and NOUNS.match(route.path)
}
TEXTS = st.text(max_size=30) | st.sampled_from([
    "tiny:1", "tiny@production", "-1", "1.5", "9" * 30, "sha256:" + "0" * 64, "a = 'b'", "name DESC", "../x",
    "\0",
])  # fmt: skip
SIMPLE = st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats() | TEXTS
ANYTHING = st.recursive(
    SIMPLE,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
Sent = tuple[str, str, dict[str, str], Any]


def _changed(draw: Any, value: Any) -> Any:
    """The same, but for one part of it."""
    if isinstance(value, dict) and value and draw(st.booleans()):
        key = draw(st.sampled_from(sorted(value)))
        return value | {key: _changed(draw, value[key])}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [_changed(draw, value[0]), *value[1:]]
    return draw(ANYTHING)


@st.composite
def requests(draw: Any) -> Sent:
    """What is right of a route, and something of it changed."""
    key = draw(st.sampled_from(sorted(ROUTES)))
    method, template = key.split(" ")

    def filled(match: re.Match[str]) -> str:
        text = draw(st.just(PARTS.get(match[1], "x")) | TEXTS)
        return quote(text.encode(errors="replace"), safe="") or "x"

    names = [each.alias for each in ROUTES[key].dependant.query_params if draw(st.booleans())]
    query = QUERIES.get(key, {}) | {name: draw(TEXTS) for name in names}
    body = _changed(draw, BODIES.get(key, {})) if ROUTES[key].body_field else None
    return method, re.sub(r"{(\w+)[^}]*}", filled, template), query, body


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(requests())
@example(("PATCH", "/models/tiny", {}, {"set_tags": {"a": "\ud800"}}))
@example(("DELETE", "/models/x/versions/1", {}, None))
@example(("GET", "/models", {"page_token": "\ud800"}, None))
async def test_nothing_is_a_fault_of_ours(sent: Sent) -> None:
    method, path, query, body = sent
    params = {name: text.encode(errors="surrogatepass") for name, text in query.items()}
    content = None if body is None else json.dumps(body)
    async with House().client() as client:
        headers = {"content-type": "application/json"} if content else {}
        answer = await client.request(method, path, params=params, content=content, headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and method != "HEAD":
        assert answer.json().get("error_code") or answer.json()["error"]["code"]
