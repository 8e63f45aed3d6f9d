"""A gateway that says whatever it is asked: nothing of it does more on a page than to stand there."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise, starmap
from threading import Thread
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from colonnade.security.access.gateway import ROUTES
from tests.harness.browser import Tab
from tests.harness.console import console_before
from tests.integration.console.naughty import STRINGS

_SUM = dict.fromkeys(
    ("requests", "prompt_tokens", "cached_prompt_tokens", "completion_tokens", "total_tokens"), 1
)
_ALIAS = {"targets": [{"version": 1, "weight": 100}], "revision": 1}
_AT = {"at": "2030-01-01T00:00:00Z"}
_MOST_REMEMBERED = 30
_MOST_DECIDED = 50
"""As many as are shown at once."""
_CREATED = {"created_at": "2030-01-01T00:00:00Z"}
_USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def version(number: int, naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(("name", "digest", "family", "size_label", "source", "created_by", "base"), naughty)
    return named | {"version": number, "artefacts": [{"path": naughty, "digest": naughty}]}


def model(naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(("name", "description", "family", "size_label"), naughty)
    alias = _ALIAS | {"name": naughty, "updated_by": naughty}
    return named | {"latest_version": 1, "aliases": [alias]}


def answers() -> dict[str, Any]:
    """By path; every text that another could have written is naughty."""
    return {
        "/models": {"models": [model(each) for each in STRINGS]},
        "/models/x": model("\n".join(STRINGS))
        | {"versions": list(starmap(version, enumerate(STRINGS[:30], 1)))},
        "/keys": {"keys": [key(number, each) for number, each in enumerate(STRINGS)]},
        "/usage": {
            "group_by": ["day", "key", "model"],
            "usage": [_SUM | {"day": "2030-01-01", "key": each, "model": each} for each in STRINGS],
            "total": _SUM,
        },
        "/limits": {"limits": [limit(each) for each in STRINGS]},
        "/limits/me": {"limits": []},
        "/whoami": {
            "tenant": STRINGS[0],
            "subject": STRINGS[1],
            "roles": list(STRINGS),
            "may": sorted(ROUTES),
        },
        "/engines": {"engines": [engine(each) for each in STRINGS]},
        "/models/x/versions/1": said(1),
        "/models/x/versions/2": said(2),
        "/models/x/versions/1/card": "\n\n".join(STRINGS),
        "/models/x/versions/1/evaluations": {"evaluations": [evaluation(each) for each in STRINGS]},
        "/lineage": {
            "roots": ["dataset:0"],
            "nodes": [
                dict.fromkeys(("kind", "id", "label"), each) | {"facts": {each: each}} for each in STRINGS
            ],
            "edges": [
                {"from": f"{one}:{one}", "to": f"{other}:{other}", "relation": one} | _AT
                for one, other in pairwise(STRINGS)
            ],
        },
        "/rollouts": {"rollouts": [rollout(each) for each in STRINGS]},
        "/rollouts/x": rollout("\n".join(STRINGS))
        | {"events": [dict.fromkeys(("what", "by", "words"), each) | _AT for each in STRINGS]},
        "/training/jobs": {"jobs": [job(str(place), each) for place, each in enumerate(STRINGS)]},
        "/training/jobs/x": job("x", "\n".join(STRINGS))
        | {"events": [dict.fromkeys(("what", "by", "words"), each) | _AT for each in STRINGS]},
        "/training/jobs/x/metrics": {
            "points": [{"step": 1, "metrics": {f"memory {each}": 1.0, "loss": 1.0}} | _AT for each in STRINGS]
        },
        "/training/jobs/x/logs": {"lines": [], "offset": 0},
        "/memory/list": {"memories": [memory(each) for each in STRINGS[:_MOST_REMEMBERED]]},
        "/memory/search": {"hits": [hit(each) for each in STRINGS], "without": list(STRINGS)},
        "/memory/sessions": {
            "sessions": [{"id": each, "summary": each, "turns": 1} for each in STRINGS],
        },
        "/memory/documents": {"documents": [document(each) for each in STRINGS]},
        "/memory/documents/x": {"document": document(STRINGS[0]), "text": "\n".join(STRINGS)},
        "/screening/decisions": {"decisions": [decision(each) for each in STRINGS[:_MOST_DECIDED]]},
        "/screening/decisions/summary": {"counts": [{"key": each, "count": 1} for each in STRINGS]},
        "/screening/policies": {"policies": [policy(each) for each in STRINGS]},
        "/screening/policies/x": policy("x") | {"yaml": "\n".join(STRINGS), "by": STRINGS[0]} | _CREATED,
        "/screening/assignments": {"assignments": [assignment(each) for each in STRINGS]},
        "/bias/reports": {"reports": [bias_report(each) for each in STRINGS]},
        "/bias/live": live_bias(),
        "/feedback": {"feedback": [feedback(each) for each in STRINGS[:_MOST_REMEMBERED]]},
        "/erasures": {"erasures": [erasure(each) for each in STRINGS]},
        "/training/jobs/0": job("0", STRINGS[0]),
        "/training/jobs/0/metrics": {"points": []},
    }


def said(number: int) -> dict[str, Any]:
    """Of a version."""
    naughty = "\n".join(STRINGS)
    metrics = [{"key": each, "value": number} for each in STRINGS]
    parts = {"inputs": [{"name": each, "type": each} for each in STRINGS]}
    return version(number, naughty) | {
        "tenant": naughty, "description": naughty, "tags": {each: f"{number}{each}" for each in STRINGS},
        "card": "\n\n".join(STRINGS), "aliases": list(STRINGS), "metrics": metrics, "signature": parts,
    }  # fmt: skip


def evaluation(naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(("id", "model", "suite", "outcome", "origin", "by"), naughty)
    return named | {"version": 1, "results": {naughty: 1.0}}


def rollout(naughty: str) -> dict[str, Any]:
    """Has ended, so that nothing of it is asked for again."""
    named = dict.fromkeys(("id", "model", "alias", "state", "policy", "reason", "created_by"), naughty)
    gate = dict.fromkeys(("probe", "bound", "texts", "outcome", "why"), naughty)
    plan = {"gates": [gate], "steps": [{"percent": 5}], "objectives": {naughty: naughty}}
    return named | {"candidate": 2, "plan": plan, "gates": [gate], "targets": _ALIAS["targets"]}


def job(job_id: str, naughty: str) -> dict[str, Any]:
    """Has ended likewise."""
    named = dict.fromkeys(("kind", "name", "message", "place", "tenant", "by", "retry_of", "recipe"), naughty)
    made = {"model": naughty, "version": 1}
    return named | {"id": job_id, "state": "failed", "metrics": {naughty: 1.0}, "produced": made}


def log(naughty: str, place: int) -> dict[str, Any]:
    """A line as a worker writes it, and one as it does not."""
    said = {"event": "sample", "at": 0.0, "step": place, "prompt": naughty, "text": naughty}
    return {"line": json.dumps(said) if place % 2 else naughty, "offset": place + 1}


def memory(naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(("kind", "tier", "text", "session", "role"), naughty)
    return named | {"id": "x", "people": [naughty], "importance": 0.5}


def hit(naughty: str) -> dict[str, Any]:
    """Of a document, where the memory itself is not."""
    source = {"id": "x", "name": naughty, "start": 2, "end": 9}
    why = {"word_rank": 1, "bm25": 1.0, "words": [naughty], "strength": 1.0}
    return {"memory": memory(naughty) | {"document": source}, "score": 1.0, "why": why}


def document(naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(("name", "media_type", "digest"), naughty)
    return named | {"id": "x", "bytes": 1, "characters": 1}


def decision(naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(
        ("id", "rule", "action", "side", "category", "scorer", "subject", "route", "explanation"), naughty
    )
    return named | {"policy": {"name": naughty, "version": naughty}} | _AT


def policy(naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(("name", "version", "description"), naughty)
    return named | {"in_use": [{"route": naughty, "share": 1, "version": naughty}]}


def assignment(naughty: str) -> dict[str, Any]:
    versions = {part: {"name": naughty, "version": naughty} for part in ("policy", "candidate", "shadow")}
    return versions | dict.fromkeys(("route", "by", "why"), naughty) | {"revision": 1, "share": 1}


def bias_report(naughty: str) -> dict[str, Any]:
    """Has ended."""
    figure = dict.fromkeys(("set", "dimension", "measure"), naughty) | dict.fromkeys(
        ("value", "low", "high"), 0.5
    )
    named = dict.fromkeys(("id", "model", "digest", "by", "why"), naughty)
    return named | {
        "version": 1, "sets": [naughty], "state": "failed", "figures": [figure | {"count": 1}],
    } | _CREATED  # fmt: skip


def live_bias() -> dict[str, Any]:
    named = [dict.fromkeys(("model", "dimension", "group"), each) for each in STRINGS]
    counts = {"seen": 1, "refused": 0, "unkind": 0, "hour": "2030-01-01T00:00:00Z"}
    gap = {"value": 0.5, "low": 0.4, "high": 0.6, "seen": 1}
    return {
        "cells": [each | counts for each in named],
        "gaps": [each | gap for each in named],
        "alarms": [each | _AT | {"observed": 1} for each in named],
    }


def feedback(naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(
        ("id", "kind", "state", "subject", "chosen", "rejected", "comment", "reviewed_by", "why"), naughty
    )
    return named | {"messages": [{"role": naughty, "content": naughty}], "request_id": naughty}


def erasure(naughty: str) -> dict[str, Any]:
    """Has ended."""
    named = dict.fromkeys(("id", "tenant", "subject_mark", "why", "asked_by"), naughty)
    return named | {"state": "done", "began_at": "2030-01-01T00:00:00Z"}


def key(number: int, naughty: str) -> dict[str, Any]:
    named = dict.fromkeys(("name", "tenant", "subject"), naughty)
    return named | {"id": str(number), "roles": [naughty]}


def limit(naughty: str) -> dict[str, Any]:
    return dict.fromkeys(("kind", "tenant", "name"), naughty) | {"monthly_tokens": 1}


def engine(naughty: str) -> dict[str, Any]:
    breaker = {"digest": naughty, "state": naughty}
    named = dict.fromkeys(("address", "why_not"), naughty)
    return named | {"ready": False, "models": [naughty], "breakers": [breaker]}


class Parrot(BaseHTTPRequestHandler):
    """Answers with what it is asked."""

    protocol_version = "HTTP/1.1"
    said = answers()

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.endswith("/logs") and query == "offset=0":
            lines = [log(each, place) for place, each in enumerate(STRINGS)]
            self._send("application/json", json.dumps({"lines": lines, "offset": len(lines)}).encode())
        elif isinstance(said := self.said[path], str):
            self._send("text/markdown", said.encode())
        else:
            self._send("application/json", json.dumps(said).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if (said := self.said.get(self.path)) is not None:
            self._send("application/json", json.dumps(said).encode())
            return
        prompt = asked["messages"][-1]["content"]
        last = {
            "text": "",
            "finish_reason": prompt,
            "stop": prompt,
            "usage": _USAGE,
            "timings": {},
            "id": "g",
        }
        last |= {"model": {"name": prompt, "version": 1, "digest": prompt}}
        events = [json.dumps({"id": "g", "text": prompt}), json.dumps(last), "[DONE]"]
        self._send("text/event-stream", "".join(f"data: {each}\n\n" for each in events).encode())

    def log_message(self, *args: Any) -> None:
        """Says nothing."""

    def _send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a console before the parrot, which takes everybody."""
    parrot = ThreadingHTTPServer(("127.0.0.1", 0), Parrot)
    Thread(target=parrot.serve_forever, daemon=True).start()
    try:
        with console_before(parrot.server_port, tmp_path_factory.mktemp("home")) as url:
            yield url
    finally:
        parrot.shutdown()
        parrot.server_close()


@pytest.fixture
def tab(console: str, browser: Browser) -> Iterator[Tab]:
    made = Tab(browser, console)
    yield made
    made.close()
    assert made.complaints == []


def test_prompts_and_answers(tab: Tab) -> None:
    page = tab.open("/")
    for number, naughty in enumerate(STRINGS):
        tab.ask(naughty)
        expect(page.locator(".turn")).to_have_count(number % 8 + 1)
        expect(page.locator(".answer.waiting")).to_have_count(0)
        turn = page.locator(".turn").last
        for said in turn.locator(".said").all():
            assert said.evaluate("each => each.textContent") == naughty
            assert said.evaluate("each => each.childElementCount") == 0
        expect(turn.get_by_role("status")).to_contain_text("Answered by")
        if number % 8 == 7:
            page.get_by_role("button", name="New conversation").click()
            expect(page.locator(".turn")).to_have_count(0)


@pytest.mark.parametrize(
    "path",
    [
        "/models",
        "/models/x",
        "/models/x/versions/1",
        "/keys",
        "/usage",
        "/engines",
        "/rollouts",
        "/rollouts/x",
        "/training",
        "/training/jobs/x",
        "/training/compare?one=x",
        "/memory",
        "/ethics?tab=Blocked",
        "/ethics?tab=Policies",
        "/ethics?tab=Bias",
        "/ethics?tab=Feedback",
    ],
)
@pytest.mark.parametrize("width", [390, 1280])
def test_every_other_page(tab: Tab, path: str, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 844})
    all_is_text(tab.open(path), width)


def all_is_text(page: Page, width: int) -> None:
    written = page.locator("main").last.text_content() or ""
    for naughty in STRINGS[:30]:
        assert naughty in written
    assert page.locator("iframe, base, details, main style, main script, main meta, main math").count() == 0
    assert page.locator("[onerror], [onload], a[href^='javascript']").count() == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("width", [390, 1280])
def test_what_is_found_and_the_documents_and_sessions(tab: Tab, width: int) -> None:
    tab.page.set_viewport_size({"width": width, "height": 844})
    page = tab.open("/memory")
    page.get_by_role("tab", name="Search").click()
    page.get_by_label("Question").fill("x")
    page.keyboard.press("Enter")
    expect(page.get_by_role("article")).to_have_count(len(STRINGS))
    all_is_text(page, width)
    page.get_by_role("button", name="Show in its document").first.click()
    cited = page.get_by_role("dialog").locator("mark")
    expect(cited).to_have_text("\n".join(STRINGS)[2:9])
    page.get_by_role("button", name="Close").click()
    for name in ("Sessions", "Documents", "Erase a person"):
        page.get_by_role("tab", name=name).click()
        shown = "Erasures" if name == "Erase a person" else name
        expect(page.get_by_role("region", name=shown)).to_be_visible()
        all_is_text(page, width)


def test_what_is_opened_of_ethics(tab: Tab) -> None:
    page = tab.open("/ethics")
    page.get_by_role("button", name="Why").first.click()
    expect(page.get_by_role("dialog")).to_contain_text(STRINGS[0])
    page.keyboard.press("Escape")
    page.get_by_role("tab", name="Bias").click()
    page.get_by_role("button", name="Figures").first.click()
    expect(page.get_by_role("dialog")).to_contain_text("95 % intervals")
    assert page.locator("[onerror], main script, .q-dialog script").count() == 0
    written = tab.open("/ethics/policy?name=x").get_by_label("Policy (YAML)").input_value()
    assert [each for each in STRINGS[:30] if each not in written] == []


def test_a_recipe_that_is_changed_stays_as_it_was_written(tab: Tab) -> None:
    page = tab.open("/training/new?like=x")
    written = page.get_by_label("Recipe (YAML)").input_value()
    assert [each for each in STRINGS[:30] if each not in written] == []
    assert page.locator("main script, main iframe, [onerror]").count() == 0
