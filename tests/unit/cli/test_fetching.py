"""``colonnade models pull``: what is fetched, and what becomes of connections that break."""

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from colonnade.cli import fetching
from colonnade.cli.fetching import pull
from colonnade.client import Artefact, Version
from colonnade.errors import AlreadyExists, Conflict, InvalidArgument, Unavailable, Unsupported

CONTENT = {"config.json": b"{}", "a/model.safetensors": b"weights" * 100}


class Platform:
    """``faults``: how many bytes of a read come before the connection breaks, one a read."""

    def __init__(self, *faults: int) -> None:
        self.faults = list(faults)
        self.starts: list[tuple[str, int]] = []
        self.drafts = self
        self.content = dict(CONTENT)

    def read(self, name: str, version: int, path: str, *, start: int = 0) -> Iterator[bytes]:
        self.starts.append((path, start))
        rest = self.content[path][start:]
        if self.faults:
            yield rest[: self.faults.pop(0)]
            raise Unavailable("broken")
        yield from (rest[:3], rest[3:])


def version(**content: bytes) -> Version:
    files = [
        Artefact(path, f"sha256:{hashlib.sha256(value).hexdigest()}", len(value))
        for path, value in {**CONTENT, **content}.items()
    ]
    return Version("m", 1, f"sha256:{'a' * 64}", "transformer", artefacts=tuple(files))


@pytest.fixture(autouse=True)
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    seconds: list[float] = []
    monkeypatch.setattr(time, "sleep", seconds.append)
    return seconds


def fetch(platform: Any, folder: Path, wanted: Version | None = None) -> dict[str, bytes]:
    pull(platform, wanted or version(), folder, "", as_stored=True)
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_files_come_as_they_are_stored(tmp_path: Path) -> None:
    assert fetch(Platform(), tmp_path / "out") == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_broken_connection_is_taken_up(tmp_path: Path) -> None:
    platform = Platform(1, 0, 1, 100)
    assert fetch(platform, tmp_path / "out") == CONTENT
    assert platform.starts[:3] == [("config.json", 0), ("config.json", 1), ("config.json", 1)]


def test_a_pull_that_was_stopped_goes_on(tmp_path: Path, slept: list[float]) -> None:
    with pytest.raises(Unavailable):
        fetch(Platform(2, 5, *[0] * 99), tmp_path / "out")
    assert len(slept) > 10
    assert not (tmp_path / "out").exists()
    platform = Platform()
    assert fetch(platform, tmp_path / "out") == CONTENT
    assert platform.starts == [("a/model.safetensors", 5)]


def test_what_is_something_else_is_refused_and_fetched_anew(tmp_path: Path) -> None:
    platform = Platform()
    platform.content["config.json"] = b"[]"
    with pytest.raises(Conflict):
        fetch(platform, tmp_path / "out")
    platform.content = dict(CONTENT)
    assert fetch(platform, tmp_path / "out") == CONTENT


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    with pytest.raises(AlreadyExists):
        fetch(Platform(), tmp_path)


def test_paths_stay_in_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgument):
        fetch(Platform(), tmp_path / "out", version(**{"../x.json": b"{}"}))


def test_without_pytorch_the_other_way_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "find_spec", lambda _: None)
    with pytest.raises(Unsupported, match="--as-stored"):
        pull(Platform(), version(), tmp_path / "out", "", as_stored=False)  # type: ignore[arg-type]
