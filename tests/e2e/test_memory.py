"""Memory through the public door, the real service behind it: kept, found, put into a prompt, and erased."""

import json
from pathlib import Path
from typing import Any

import pytest

from colonnade.client import Colonnade
from colonnade.errors import NotFound, PermissionDenied, Unsupported
from tests.harness.platform import Platform

HANDBOOK = (
    "# Handbook\n\nThe courtyard closes at ten.\n\n## Guests\n\nGuests sign the vermilion ledger — é.\n"
)
QUESTION = [{"role": "user", "content": "Who signs the vermilion ledger?"}]


@pytest.fixture
def client(platform: Platform) -> Any:
    with Colonnade(platform.url) as made:
        yield made


def test_what_is_remembered_is_found_by_its_subject_alone(client: Colonnade) -> None:
    kept = client.memory.remember("Ann collects zithers.", subject="ann", idempotency_key="zithers")
    again = client.memory.remember("Ann collects zithers.", subject="ann", idempotency_key="zithers")
    assert again.id == kept.id
    (hit,) = client.memory.search("Who has zithers?", subject="ann", kinds=["fact"]).hits
    assert (hit.memory.id, hit.memory.text, hit.why.word_rank) == (kept.id, "Ann collects zithers.", 1)
    assert client.memory.search("zithers", subject="bob").hits == ()
    for stranger in ("bob", None):
        with pytest.raises(NotFound):
            client.memory.get(kept.id, subject=stranger)
    assert client.memory.revise(kept.id, pinned=True, subject="ann").pinned
    assert client.memory.rate(kept.id, useful=True, subject="ann").votes == 1
    assert [each.id for each in client.memory.list(subject="ann")] == [kept.id]
    client.memory.forget(kept.id, subject="ann")
    assert client.memory.list(subject="ann") == []


def test_a_document_is_quoted_with_its_place(client: Colonnade, tmp_path: Path) -> None:
    path = tmp_path / "Häuser.md"
    path.write_text(HANDBOOK)
    made = client.memory.documents.add(path, subject="carl")
    assert (made.name, made.media_type, made.bytes) == ("Häuser.md", "text/markdown", len(HANDBOOK.encode()))
    answer = client.generate(
        messages=QUESTION, max_tokens=4, user="carl", memory={"recall": {"documents": [made.id]}}
    )
    used = answer.memory
    assert used is not None
    assert used.citations
    first = used.citations[0]
    assert first.document is not None
    assert (first.number, first.kind, first.document.id, first.document.name) == (
        1,
        "chunk",
        made.id,
        "Häuser.md",
    )
    place = first.document
    said = client.memory.documents.get(made.id, start=place.start, end=place.end, subject="carl").text
    assert said.startswith(first.text[:40])
    assert "vermilion" in said
    assert answer.usage.prompt_tokens > len(first.text) // 2, "the quotation is in the prompt"
    stranger = client.generate(messages=QUESTION, max_tokens=4, user="dora", memory={"recall": True}).memory
    assert (stranger and stranger.citations) == ()
    client.memory.documents.delete(made.id, subject="carl")
    assert client.memory.search("vermilion", subject="carl").hits == ()


def test_a_session_goes_on(client: Colonnade) -> None:
    wanted = {"session": "trip", "recall": True, "remember": True}
    first = client.generate(messages=QUESTION, max_tokens=4, user="emil", memory=wanted)
    assert first.memory is not None
    assert (first.memory.session_turns, first.memory.remembered) == (0, True), first.memory
    with client.stream(messages=QUESTION, max_tokens=4, user="emil", memory=wanted) as stream:
        text = "".join(chunk.text for chunk in stream)
    assert stream.result.memory is not None
    assert (stream.result.memory.session_turns, stream.result.memory.remembered) == (2, True)
    turns = client.memory.list(kinds=["turn"], session="trip", subject="emil")
    asked = QUESTION[0]["content"]
    assert [(each.role, each.text) for each in reversed(turns)] == [
        ("user", asked), ("assistant", first.text), ("user", asked), ("assistant", text),
    ]  # fmt: skip
    assert [(each.id, each.turns) for each in client.memory.sessions(subject="emil")] == [("trip", 4)]
    assert client.memory.sessions(subject="ann") == []
    assert client.memory.end_session("trip", subject="emil") == 4
    assert client.memory.sessions(subject="emil") == []


def test_what_is_no_document_leaves_nothing(client: Colonnade) -> None:
    with pytest.raises(Unsupported) as refusal:
        client.memory.documents.add(b"GIF89a", name="a.gif", media_type="image/gif", subject="finn")
    assert refusal.value.details["field"] == "content-type"
    assert client.memory.documents.list(subject="finn") == []


def test_the_command_speaks_of_it_too(platform: Platform, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("The zeppelin leaves at noon.\n")
    subject = ("--subject", "gina")
    added = platform.command(
        "memory", "documents", "add", str(tmp_path / "notes.txt"), *subject
    ).stdout.strip()
    assert "zeppelin" in platform.command("memory", "search", "zeppelin", *subject).stdout
    told = platform.command(
        "generate", "When does the zeppelin leave?", "--recall", "--max-tokens", "4", *subject
    )
    assert "[1] notes.txt, characters 0 to " in told.stderr
    shown = platform.command("memory", "documents", "show", added, "--json", *subject).stdout
    assert json.loads(shown)["text"].startswith("The zeppelin")
    platform.command("memory", "documents", "delete", added, *subject)
    assert platform.command("memory", "documents", "show", added, *subject, check=False).returncode == 1


def test_a_key_of_one_subject_sees_no_others(guarded: Platform) -> None:
    with Colonnade(guarded.url, guarded.environment["COLONNADE_API_KEY"]) as admin:
        key = admin.keys.create("hal's", roles=["caller"], subject="hal")
        admin.memory.remember("Ida plays the zither.", subject="ida")
        shared = admin.memory.documents.add(b"The house has a zither.", name="house.txt", shared=True)
    with Colonnade(guarded.url, key.secret) as hal:
        with pytest.raises(PermissionDenied):
            hal.memory.search("zither", subject="ida")
        (found,) = hal.memory.search("zither").hits
        assert (found.memory.shared, found.memory.document and found.memory.document.id) == (True, shared.id)
        assert hal.memory.search("zither", own=True).hits == ()
        with pytest.raises(PermissionDenied):
            hal.memory.documents.delete(shared.id)
