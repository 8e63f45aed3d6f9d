"""Where everything of a job lies, below one folder of all jobs.

<job>/recipe.yaml             as its worker gets it
<job>/brought/                the registry's models that it starts from, while it is under way
<job>/run/                    the run's own folder: log.jsonl, checkpoints/, model/ ...
<job>/lock                    held by a worker, and by what it started, as long as they live
<job>/first-rank              on a cluster: held by the run's first process, and by who started that
<job>/attempts/0001.json      which process the attempt's worker is; there once it was started, or ruled out
<job>/attempts/0001.out       what it told, .err what it complained of, .stop that it was asked to end
"""

import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from colonnade.errors import NotFound
from colonnade.storage.disk import sync_folder

RULED_OUT = 0
"""In the place of a process's number: the attempt was ruled out before it had a worker."""
_ID = re.compile(r"job_[0-9a-f]{1,60}")


@dataclass(frozen=True, slots=True)
class Started:
    """Which process a worker is."""

    pid: int
    """Or ``RULED_OUT``."""
    born: str
    """Tells it from a later process of that number."""
    machine: str


@dataclass(frozen=True, slots=True)
class JobFolder:
    root: Path

    @classmethod
    def of(cls, jobs: Path, job_id: str) -> "JobFolder":
        if not _ID.fullmatch(job_id):
            raise NotFound("there is no such job", field="id")
        return cls(jobs / job_id)

    @property
    def recipe(self) -> Path:
        return self.root / "recipe.yaml"

    @property
    def run(self) -> Path:
        return self.root / "run"

    @property
    def log(self) -> Path:
        return self.run / "log.jsonl"

    @property
    def brought(self) -> Path:
        return self.root / "brought"

    @property
    def lock(self) -> Path:
        return self.root / "lock"

    @property
    def first_rank(self) -> Path:
        return self.root / "first-rank"

    @property
    def attempts(self) -> Path:
        return self.root / "attempts"

    def of_attempt(self, attempt: int, kind: str) -> Path:
        return self.attempts / f"{attempt:04d}.{kind}"

    def prepare(self, recipe: str) -> None:
        self.attempts.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = self.root / f".recipe.{secrets.token_hex(8)}"
        draft.write_text(recipe, encoding="utf-8")
        draft.replace(self.recipe)

    def started(self, attempt: int) -> Started | None:
        return read_record(self.of_attempt(attempt, "json"))


def read_record(path: Path) -> Started | None:
    """A record is there whole or not at all."""
    try:
        said: Mapping[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    return Started(int(said["pid"]), str(said["born"]), str(said["machine"]))


def record_once(path: Path, started: Started) -> bool:
    """Whether it was us who wrote it: of several who try, one does. It is on the disk then."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with draft.open("x", encoding="utf-8") as file:
        json.dump(asdict(started), file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    sync_folder(path.parent)
    return True


def ask_once(folder: JobFolder, attempt: int) -> bool:
    """Writes down that the attempt is asked to end; whether this was the first time."""
    try:
        os.close(os.open(folder.of_attempt(attempt, "stop"), os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        return False
    return True
