"""Every public door through which a person's words come in: one canary through each."""

import json
from pathlib import Path
from typing import Any

import httpx

from colonnade.client import Colonnade
from tests.harness.platform import eventually
from tests.integration.erasure.canaries import Canaries
from tests.unit.learn.recipes import corpus, document
from tests.unit.memory.reading.pdfs import pdf

LET_GO = frozenset({
    "embed", "embeddings", "score", "tokenize", "search", "policy test", "dry run", "training data"
})  # fmt: skip
"""Doors behind which no words are kept; of training data, tokens are."""
_ASKED = {"model": "tiny", "max_tokens": 4, "temperature": 0}
_OIP = "/v2/models/tiny/generate"
_ROUTE = "/v2/models/{model}/versions/{version}/generate"
_POLICY = """name: {name}
rules: [{{id: none, scorer: card, sides: [input], action: refuse, reason: No cards.}}]
tests: [{{text: "{text} 4111 1111 1111 1111", side: input, expect: {{action: refuse, rule: none}}}}]
"""


def plant(http: httpx.Client, client: Colonnade, word: Canaries, who: str) -> None:
    """All but training. ``http`` and ``client`` have the person's own key."""
    _generations(http, word)
    _texts(http, word)
    _memories(client, word)
    _feedback(http, word)
    _files(http, word)
    _records(http, word, who)


def train(http: httpx.Client, word: Canaries, folder: Path, name: str, words: str = "") -> str:
    """A job, whose data and idempotency key have a canary, for a version of the model ``name``. ``words`` are
    the recipe's, which a version's card repeats."""
    stories = corpus(folder / name, documents=80)
    with stories.open("a") as file:
        file.write(json.dumps({"text": word.said("training data")}) + "\n")
    asked = document(
        f"{name}/*.jsonl", name=name, steps=4, evaluation={"every": 2, "prompts": []},
        checkpoints={"every": 2}, reports={"every": 1},
    )  # fmt: skip
    recipe = f"{json.dumps(asked)}\n# {words}"
    return str(_post(http, "/training/jobs", {"recipe": recipe}, word(f"key of {name}"))["id"])


def give_up(http: httpx.Client, word: Canaries, job: str) -> None:
    """Once it runs: what the service says of it later repeats nothing."""
    eventually(lambda: http.get(f"/training/jobs/{job}").json()["state"] == "running", 60, "the job runs")
    _post(http, f"/training/jobs/{job}/cancel", {"why": word.said("why cancelled")})


def _generations(http: httpx.Client, word: Canaries) -> None:
    def turn(door: str) -> dict[str, Any]:
        return {"messages": [{"role": "user", "content": word.said(door)}]}

    kept = {"session": word("session"), "remember": True, "recall": True}
    for _ in range(2):  # the second time it is in the cache
        _post(http, "/generate", _ASKED | {"prompt": word.said("generate")})
    _post(http, "/generate", _ASKED | turn("turn") | {"memory": kept})
    _stream(http, "/generate", _ASKED | turn("streamed turn") | {"memory": kept, "stream": True})
    _post(http, "/v1/chat/completions", _ASKED | turn("chat") | {"memory": kept})
    _stream(http, "/v1/chat/completions", _ASKED | turn("streamed chat") | {"stream": True})
    _post(http, "/v1/completions", _ASKED | {"prompt": word.said("completion")})
    response = {"model": "tiny", "max_output_tokens": 16, "temperature": 0}
    _post(
        http, "/v1/responses", response | {"input": word.said("response"), "instructions": word.said("order")}
    )
    bare = {"parameters": {"max_tokens": 4, "temperature": 0}}
    _post(http, _OIP, bare | {"text_input": word.said("oip")})
    _stream(http, f"{_OIP}_stream", bare | {"text_input": word.said("streamed oip")})


def _texts(http: httpx.Client, word: Canaries) -> None:
    _post(http, "/embed", {"model": "questions", "input": word("embed")})
    _post(http, "/v1/embeddings", {"model": "questions", "input": word("embeddings")})
    _post(http, "/score", {"model": "tiny", "text": word.said("score")})
    _post(http, "/tokenize", {"model": "tiny", "prompt": word.said("tokenize")})


def _memories(client: Colonnade, word: Canaries) -> None:
    memory = client.memory
    kept = memory.remember(word.said("fact"), idempotency_key=word("fact key"))
    memory.rate(kept.id, useful=True)
    memory.remember(word.said("episode"), kind="episode", people=[word("people")])
    memory.remember(word.said("said"), session=word("other session"), role="user")
    memory.search(word("search"))
    memory.documents.add(word.said("text").encode() * 50, name=f"{word('text name')}.txt")
    memory.documents.add(f"# {word('markdown')}\n\n{word.said('markdown')}".encode(), name="a.md")
    memory.documents.add(f"<p>{word.said('html')}</p>".encode(), name="a.html", media_type="text/html")
    memory.documents.add(pdf(word.said("pdf")), name="a.pdf", idempotency_key=word("pdf key"))


def _feedback(http: httpx.Client, word: Canaries) -> None:
    for kind, fields in (
        ("thumb", ("prompt", "answer", "comment")), ("correction", ("prompt", "answer", "correction")),
        ("preference", ("prompt", "chosen", "rejected")),
    ):  # fmt: skip
        said = {field: word.said(f"{kind} {field}") for field in fields} | {"kind": kind}
        value = {"value": "down"} if kind == "thumb" else {}
        given = _post(http, "/feedback", said | value, word(f"{kind} key"))
        _post(
            http, f"/feedback/{given['id']}/review", {"decision": "accept", "why": word.said(f"{kind} why")}
        )


def _files(http: httpx.Client, word: Canaries) -> None:
    asked = {"model": "tiny", "max_tokens": 4, "messages": [{"role": "user", "content": word.said("line")}]}
    lines = [
        {"custom_id": word(door), "method": "POST", "url": "/v1/chat/completions", "body": asked | more}
        for door, more in (("custom id", {}), ("refused id", {"temperature": 9}))
    ]
    content = "\n".join(map(json.dumps, lines)).encode()
    upload = {"file": (f"{word('file name')}.jsonl", content)}
    made = http.post(
        "/v1/files", files=upload, data={"purpose": "batch"}, headers={"idempotency-key": word("file key")}
    )
    file = _checked(made)["id"]
    order = {
        "input_file_id": file, "endpoint": "/v1/chat/completions", "completion_window": "24h",
        "metadata": {"note": word("batch metadata")},
    }  # fmt: skip
    batch = _post(http, "/v1/batches", order, word("batch key"))["id"]
    eventually(lambda: http.get(f"/v1/batches/{batch}").json()["status"] == "completed", 60, "the batch ends")


def _records(http: httpx.Client, word: Canaries, who: str) -> None:
    """What they do as an admin, and why."""
    key = _post(http, "/keys", {"roles": ["caller"], "subject": "carl"}, word("key's key"))["id"]
    _checked(http.put(f"/limits/keys/{key}", json={"requests_per_minute": 1000}))
    name = f"of-{who[:4]}"
    text = _POLICY.format(name=name, text="A card:")
    _checked(http.put(f"/screening/policies/{name}", json={"yaml": text}))
    canary = _POLICY.format(name=name, text=word("policy test"))
    _post(http, "/screening/policies/test", {"yaml": canary})
    _post(http, "/screening/dry-runs", {"yaml": _POLICY.format(name=name, text=word("dry run"))})
    held = {"route": _ROUTE, "name": name, "why": word.said("why assigned")}
    _post(http, "/screening/assignments", held, word("assignment key"))


def _post(http: httpx.Client, path: str, body: dict[str, Any], key: str = "") -> dict[str, Any]:
    return _checked(http.post(path, json=body, headers={"idempotency-key": key} if key else {}))


def _stream(http: httpx.Client, path: str, body: dict[str, Any]) -> None:
    with http.stream("POST", path, json=body) as answer:
        whole = answer.read().decode()
    assert answer.status_code == 200, (path, whole)
    assert "error" not in whole, (path, whole)


def _checked(answer: httpx.Response) -> dict[str, Any]:
    assert answer.is_success, (str(answer.url), answer.text)
    return answer.json() if answer.content else {}
