"""What happens on a platform, seen by a watcher and by the receiver of a webhook, as people set them up."""

import json
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from colonnade.client import Colonnade, Event
from colonnade.errors import InvalidArgument, PermissionDenied
from tests.harness.platform import COMMAND, Platform, eventually, running
from tests.harness.receiver import Receiver, receiving
from tests.harness.tiny_model import write_tiny_llama

DRAINED_SECONDS = 20.0


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("told")
    for seed in (1, 2):
        write_tiny_llama(folder / f"v{seed}", seed=seed)
    return folder


@pytest.fixture(scope="module")
def told(models: Path) -> Iterator[Platform]:
    with running(
        "--no-import",
        COLONNADE_REGISTRY_IMPORT_ROOTS=str(models),
        COLONNADE_REGISTRY_WEBHOOK_URLS="http+private://127.0.0.1:*",
    ) as platform:
        yield platform


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


def watched(url: str, **asked: object) -> tuple[list[Event], threading.Event]:
    """What a watcher has seen so far; it is there once the event is set."""
    seen: list[Event] = []
    there = threading.Event()

    def watch() -> None:
        with Colonnade(url, timeout=60) as client:
            last = client.events.list(limit=1).last
            there.set()
            for event in client.events.watch(after=last, **asked):  # type: ignore[arg-type]
                seen.append(event)

    threading.Thread(target=watch, daemon=True).start()
    return seen, there


def test_an_import_and_a_move_are_told_in_order(told: Platform, models: Path, receiver: Receiver) -> None:
    seen, there = watched(told.url, models=["told"])
    made = told.command("webhooks", "create", receiver.url, "--model", "told", "--json").stdout
    webhook = json.loads(made)
    receiver.secret = webhook["secret"]
    assert there.wait(60)
    for seed in (1, 2):
        told.command("models", "import", str(models / f"v{seed}"), "--name", "told")
    told.command("models", "alias", "told", "production", "2")
    told.command("models", "alias", "told", "production", "1=90", "2=10")

    kinds = ["model.created", "version.registered", "alias.moved", "version.registered"]
    kinds += ["alias.moved", "alias.moved"]
    eventually(lambda: len(seen) >= len(kinds), 30, "the watcher sees it")
    eventually(lambda: len(receiver.taken) >= len(kinds), 30, "the receiver is told")
    assert [event.kind for event in seen] == kinds
    assert receiver.wrong == []
    assert [content["type"] for _, content in receiver.taken] == kinds
    assert receiver.numbers == [event.number for event in seen]
    assert seen[-1].facts["targets"] == "1=90,2=10"

    with told.client() as client:
        page = client.get("/events", params={"models": "told", "after": 0}).json()

    def same(event: dict[str, object]) -> dict[str, object]:
        return event | {"at": str(event["at"]).replace("Z", "+00:00")}

    assert [same(each) for each in page["events"]] == [same(each["data"]) for _, each in receiver.taken]
    shown = told.command("events", "--model", "told", "--kind", "alias.*").stdout.splitlines()
    assert len(shown) == 3
    assert "told@production" in shown[0]
    listed = told.command("webhooks", "list").stdout
    assert webhook["id"] in listed
    assert webhook["secret"] not in listed
    told.command("webhooks", "delete", webhook["id"])


def test_a_receiver_that_comes_back_is_told_what_it_missed(
    told: Platform, models: Path, receiver: Receiver
) -> None:
    told.command("models", "import", str(models / "v1"), "--name", "missed")
    with Colonnade(told.url, timeout=60) as client:
        made = client.webhooks.create(receiver.url, models=["missed"], kinds=["alias.*"], after=0)
        receiver.secret = made.secret
        eventually(lambda: len(receiver.taken) == 1, 30, "what was there is told")
        receiver.down()
        for alias in ("one", "two", "three"):
            client.models.set_alias("missed", alias, 1)
        eventually(lambda: client.webhooks.list()[-1].failures > 0, 30, "it fails")
        receiver.up()
        client.webhooks.resume(made.id)
        eventually(lambda: len(receiver.taken) == 4, 30, "the rest is told")
        aliases = [content["data"]["alias"] for _, content in receiver.taken]
        assert aliases == ["production", "one", "two", "three"]
        eventually(lambda: client.webhooks.list()[-1].failures == 0, 30, "it counts as well")
        client.webhooks.delete(made.id)


def test_what_is_not_allowed(told: Platform) -> None:
    with Colonnade(told.url, timeout=60) as client:
        for url in ("https://hooks.example.com/x", "http://169.254.169.254/latest", "http://10.0.0.1/x"):
            with pytest.raises(PermissionDenied, match="COLONNADE_REGISTRY_WEBHOOK_URLS"):
                client.webhooks.create(url)
        for url in ("ftp://127.0.0.1/x", "http://me:pw@127.0.0.1/x", "nonsense"):
            with pytest.raises(InvalidArgument):
                client.webhooks.create(url)
        with pytest.raises(InvalidArgument, match="newest"):
            client.events.list(after=10**9)
        with pytest.raises(InvalidArgument, match="kind"):
            client.events.list(kinds=["nonsense"])


def test_open_streams_keep_nobody_from_stopping(models: Path) -> None:
    with running("--no-import", COLONNADE_REGISTRY_IMPORT_ROOTS=str(models)) as platform:
        following = subprocess.Popen(
            [COMMAND, "events", "--follow"], env=dict(platform.environment), stdout=subprocess.PIPE, text=True
        )
        try:
            with httpx.Client(base_url=platform.url, timeout=60, trust_env=False) as client:
                headers = {"accept": "text/event-stream"}
                with client.stream("GET", "/events", headers=headers) as stream:
                    lines = stream.iter_lines()
                    assert next(lines).startswith("id: ")
                    began = time.monotonic()
                    platform.process.terminate()
                    assert "event: error" not in "\n".join(lines), "it ends, and says nothing"
                    assert platform.process.wait(60) == 0
                    assert time.monotonic() - began < DRAINED_SECONDS
        finally:
            following.kill()
            following.communicate()
