"""Caches of answers on a running platform: what is given again, to whom, and what of it is counted."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from tests.harness.platform import Platform, eventually, free_port, running
from tests.harness.tiny_model import write_tiny_bert, write_tiny_llama

CACHE = "x-colonnade-cache"
ASKED = {"temperature": 0, "max_tokens": 24, "logit_bias": {"0": -100}}
"""Of full length on every processor."""


@dataclass
class Cached:
    """A platform of its own, open to three keys of two tenants."""

    platform: Platform
    metrics_port: int
    secrets: dict[str, str]

    def client(self, name: str = "boss") -> httpx.Client:
        return self.platform.client(Authorization=f"Bearer {self.secrets[name]}")

    def command(self, *arguments: str) -> str:
        environment = {**self.platform.environment, "COLONNADE_API_KEY": self.secrets["boss"]}
        platform = Platform(self.platform.home, self.platform.url, self.platform.process, environment)
        return platform.command(*arguments).stdout


@pytest.fixture(scope="module")
def house(tiny_model: Path) -> Iterator[Cached]:
    port = free_port()
    encoder = write_tiny_bert(tiny_model.parent / "questions")
    settings: dict[str, Any] = {
        "COLONNADE_ENGINE_METRICS_PORT": str(port),
        "COLONNADE_REGISTRY_IMPORT_ROOTS": str(tiny_model.parent),
        "COLONNADE_INFERENCE_CACHE_BYTES": str(1 << 20),
        "COLONNADE_INFERENCE_SEMANTIC_CACHE": "faq=0.5",
        "COLONNADE_INFERENCE_SEMANTIC_ENCODER": "questions",
    }
    with running("--no-import", **settings) as platform:
        for folder, name in ((tiny_model, "tiny"), (tiny_model, "faq"), (encoder, "questions")):
            platform.command("models", "import", str(folder), "--name", name)
        made = Cached(platform, port, {})
        with platform.client() as http:
            made.secrets["boss"] = _key(http, roles=["admin"])
        with made.client() as http:
            made.secrets["theirs"] = _key(http, roles=["caller"], tenant="umbrella")
        yield made


def _key(http: httpx.Client, **asked: Any) -> str:
    reply = http.post("/keys", json={"name": "one", **asked}).raise_for_status()
    return str(reply.json()["secret"])


def ask(
    http: httpx.Client, prompt: str, headers: dict[str, str] | None = None, **more: Any
) -> httpx.Response:
    body = ASKED | {"model": "tiny", "prompt": prompt} | more
    return http.post("/generate", json=body, headers=headers).raise_for_status()


def stream(http: httpx.Client, prompt: str, **more: Any) -> tuple[str | None, list[dict[str, Any]]]:
    """What the header says, and the events."""
    body = ASKED | {"model": "tiny", "prompt": prompt, "stream": True} | more
    with http.stream("POST", "/generate", json=body) as reply:
        lines = reply.iter_lines()
        found = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
        return reply.headers.get(CACHE), found


def engine_tokens(house: Cached) -> dict[str, int]:
    """Of all models but the encoder."""
    text = httpx.get(f"http://127.0.0.1:{house.metrics_port}/metrics", trust_env=False).text
    found = re.findall(r'colonnade_engine_tokens_total\{kind="(\w+)",model="(\w+)"\} ([\d.e+]+)', text)
    sums: Counter[str] = Counter()
    for kind, model, value in found:
        if model != "questions":
            sums[kind] += int(float(value))
    return dict(sums)


def test_a_hit_is_the_same_answer_and_no_engine_hears_of_it(house: Cached) -> None:
    with house.client() as http:
        first = ask(http, "what is kept", logprobs=2)
        before = engine_tokens(house)
        again = ask(http, "what is kept", logprobs=2)
        assert engine_tokens(house) == before
    assert (first.headers[CACHE], again.headers[CACHE]) == ("miss", "hit")
    assert int(again.headers["x-colonnade-cache-age"]) >= 0
    one, other = first.json(), again.json()
    for same in ("text", "finish_reason", "seed", "logprobs", "model"):
        assert one[same] == other[same], same
    assert one["usage"]["completion_tokens"] == other["usage"]["completion_tokens"] == 24
    assert "cache" not in one
    assert other["cache"]["kind"] == "hit"
    assert other["timings"]["decode"] == 0


def test_a_stream_is_given_again_as_a_stream_and_whole(house: Cached) -> None:
    with house.client() as http:
        kind, first = stream(http, "what flows", logprobs=1, n=2)
        again_kind, again = stream(http, "what flows", logprobs=1, n=2)
        whole = ask(http, "what flows", logprobs=1, n=2)
    assert (kind, again_kind, whole.headers[CACHE]) == ("miss", "hit", "hit")
    for index in (0, 1):
        texts = ["".join(e["text"] for e in events if e.get("index") == index) for events in (first, again)]
        tokens = [
            [token for e in events if e.get("index") == index for token in e.get("tokens", [])]
            for events in (first, again)
        ]
        assert texts[0] == texts[1] == whole.json()["choices"][index]["text"]
        assert tokens[0] == tokens[1] == whole.json()["choices"][index]["logprobs"]
    assert again[-1]["cache"]["kind"] == "hit"
    assert len(again) < len(first)


def test_one_may_want_it_anew(house: Cached) -> None:
    with house.client() as http:
        kinds = [
            ask(http, "what is wanted", headers).headers.get(CACHE)
            for headers in (None, {"cache-control": "no-cache"}, None, {"cache-control": "no-store"}, None)
        ]
    assert kinds == ["miss", "miss", "hit", None, "hit"]


def test_what_is_drawn_at_random_is_drawn_again(house: Cached) -> None:
    with house.client() as http:
        kinds = [ask(http, "what is drawn", temperature=1).headers.get(CACHE) for _ in range(2)]
        kinds += [ask(http, "what is drawn", temperature=1, seed=7).headers.get(CACHE) for _ in range(2)]
    assert kinds == [None, None, "miss", "hit"]


def test_another_tenants_answers_are_not_ours(house: Cached) -> None:
    with house.client() as ours, house.client("theirs") as theirs:
        kinds = [ask(http, "whose it is").headers[CACHE] for http in (ours, theirs, ours, theirs)]
        refused = theirs.delete("/cache")
    assert kinds == ["miss", "miss", "hit", "hit"]
    assert refused.status_code == 403


def test_on_every_protocol(house: Cached) -> None:
    requests: list[tuple[str, dict[str, Any]]] = [
        ("/v1/chat/completions", {"model": "tiny", "messages": [{"role": "user", "content": "a"}]}),
        ("/v1/completions", {"model": "tiny", "prompt": "a b"}),
        ("/v1/responses", {"model": "tiny", "input": "a"}),
        ("/v2/models/tiny/generate", {"text_input": "a b c", "parameters": {"temperature": 0}}),
    ]
    with house.client() as http:
        for path, body in requests:
            body |= {} if path.startswith("/v2") else {"temperature": 0}
            kinds = [http.post(path, json=body).headers.get(CACHE) for _ in range(2)]
            assert kinds[1] == "hit", path
            anew = http.post(path, json=body, headers={"cache-control": "no-cache"})
            assert anew.headers[CACHE] == "miss", path


def test_the_same_question_in_other_words(house: Cached) -> None:
    """A tiny encoder finds everything alike; what has to be equal, has to be equal."""

    def chat(http: httpx.Client, question: str, system: str = "be brief", model: str = "faq") -> Any:
        messages = [{"role": "system", "content": system}, {"role": "user", "content": question}]
        body = {"model": model, "temperature": 0, "max_tokens": 8, "messages": messages}
        return http.post("/generate", json=body).raise_for_status()

    with house.client() as http, house.client("theirs") as theirs:
        first, near = chat(http, "how do I pay?"), chat(http, "how do I pay")
        assert (first.headers[CACHE], near.headers[CACHE]) == ("miss", "semantic")
        assert near.json()["text"] == first.json()["text"]
        assert 0.5 <= near.json()["cache"]["similarity"] <= 1
        assert chat(http, "how do I pay 5").headers[CACHE] == "miss", "another number"
        assert chat(http, "how do I pay!", system="be long").headers[CACHE] == "miss"
        assert chat(theirs, "how do I pay").headers[CACHE] == "miss"
        same = chat(http, "how do I pay?", model="tiny")
        assert same.headers[CACHE] == "hit", "the very same version, under another name"
        assert chat(http, "how do I pay", model="tiny").headers[CACHE] == "miss", "not opted in"


def test_what_a_promotion_replaces_is_forgotten(house: Cached, tiny_model: Path) -> None:
    other = write_tiny_llama(tiny_model.parent / "moved", seed=7)
    house.command("models", "import", str(tiny_model), "--name", "moved")
    with house.client() as http:
        kinds = [ask(http, "what moves", model="moved:1").headers[CACHE] for _ in range(2)]
        house.command("models", "import", str(other), "--name", "moved")
        kinds.append(ask(http, "what moves", model="moved:1").headers[CACHE])
        promoted = {"targets": [{"version": 2, "weight": 100}]}
        http.put("/models/moved/aliases/production", json=promoted).raise_for_status()
        kinds.append(ask(http, "what moves", model="moved:1").headers[CACHE])
    assert kinds == ["miss", "hit", "hit", "miss"]


def test_the_command_shows_and_purges(house: Cached) -> None:
    with house.client() as http:
        ask(http, "what is purged")
        assert ask(http, "what is purged").headers[CACHE] == "hit"
        assert json.loads(house.command("cache", "show", "--json"))["hits"] > 0
        assert "faq" in house.command("cache", "show")
        assert "forgotten" in house.command("cache", "purge", "--model", "tiny")
        assert ask(http, "what is purged").headers[CACHE] == "miss"


def _one_of_many(house: Cached, number: int) -> None:
    """One of a few requests, which many make at once; to its end, or left somewhere in the middle."""
    random = Random(number)
    prompt = "The quick brown fox " * (1 + number % 3)
    more: dict[str, Any] = {"max_tokens": 400, "n": 1 + number % 2, "model": "tiny"}
    with house.client() as http:
        if random.random() < 0.4:
            ask(http, prompt, **more)
            return
        body = ASKED | more | {"prompt": prompt, "stream": True}
        with http.stream("POST", "/generate", json=body) as reply:
            lines = reply.iter_lines()
            for _ in range(random.choice([1, 5, 50, 5000])):
                if next(lines, None) is None:
                    return


def test_usage_adds_up_to_what_the_engine_generated(house: Cached) -> None:
    for _ in range(3):
        house.command("cache", "purge")
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda number: _one_of_many(house, number), range(32)))

    def sums() -> tuple[dict[str, int], dict[str, int]]:
        with house.client() as http:
            total = http.get("/usage").json()["total"]
        mine = {"prompt": total["prompt_tokens"], "completion": total["completion_tokens"]}
        return mine, engine_tokens(house)

    eventually(lambda: sums()[0] == sums()[1], 20, f"the ledger and the engine agree: {sums()}")
    with house.client() as http:
        total = http.get("/usage").json()["total"]
        joined = http.get("/cache").json()["joined"]
    assert total["cached_requests"] > 30
    assert total["cached_completion_tokens"] > 1000
    assert joined > 0
