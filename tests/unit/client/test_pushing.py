"""A push against a platform that breaks off, forgets and is written to by others."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.client import Draft, DraftFile, FileToSend
from colonnade.client import pushing as module
from colonnade.client.pushing import Sent, files_of, pushed
from colonnade.errors import Conflict, InvalidArgument, NotFound, Unavailable


class Platform:
    """``faults`` come one a write: how many bytes arrive before the connection breaks; None for all."""

    def __init__(self, *faults: int | None) -> None:
        self.faults = list(faults)
        self.drafts: dict[str, Draft] = {}
        self.content: dict[str, bytes] = {}
        self.writes = 0
        self.slept: list[float] = []
        self.held: set[str] = set()

    def begin(self, model: str, *, idempotency_key: str | None = None, **_: Any) -> Draft:
        number = len(self.drafts) + 1
        return self.drafts.setdefault(idempotency_key or "", Draft(model, number, "open"))

    def get(self, model: str, number: int) -> Draft:
        draft = next(each for each in self.drafts.values() if each.number == number)
        files = [replace(file, received=self._received(file)) for file in draft.files]
        return replace(draft, files=tuple(files))

    def announce(self, model: str, number: int, files: Sequence[FileToSend]) -> list[DraftFile]:
        made = [DraftFile(file.path, file.size_bytes, file.digest, 0) for file in files]
        for key, draft in self.drafts.items():
            if draft.number == number:
                self.drafts[key] = replace(draft, files=tuple(made))
        return list(self.get(model, number).files)

    def write(self, model: str, number: int, path: str, offset: int, piece: bytes) -> DraftFile:
        self.writes += 1
        there = self.content.get(path, b"")
        if offset != len(there):
            raise Conflict("elsewhere", offset=len(there))
        fault = self.faults.pop(0) if self.faults else None
        self.content[path] = there + (piece if fault is None else piece[:fault])
        if fault is not None:
            raise Unavailable("broken")
        return next(file for file in self.get(model, number).files if file.path == path)

    def _received(self, file: DraftFile) -> int:
        return file.size_bytes if file.path in self.held else len(self.content.get(file.path, b""))

    def end(self, state: str) -> None:
        self.drafts = {key: replace(draft, state=state) for key, draft in self.drafts.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / ".git").mkdir()
    for name, content in {
        "config.json": b"{}", "model.safetensors": b"w" * 1000, "pytorch_model.bin": b"pickle",
        "1_Pooling/config.json": b"[]", ".git/x.json": b"{}", "empty.txt": b"",
    }.items():  # fmt: skip
        (tmp_path / name).write_bytes(content)
    return tmp_path


def push(platform: Platform, source: Path, shown: list[Sent] | None = None) -> Draft:
    show = shown.append if shown is not None else None
    return pushed(platform, source, "tiny", None, None, None, show, platform.slept.append)


def test_a_folder_is_sent_with_what_a_model_is_made_of(folder: Path) -> None:
    platform, shown = Platform(), list[Sent]()
    draft = push(platform, folder, shown)
    assert platform.content == {
        "config.json": b"{}",
        "model.safetensors": b"w" * 1000,
        "1_Pooling/config.json": b"[]",
    }
    assert all(file.complete for file in draft.files)
    assert [(sent.stage, sent.done) for sent in (shown[0], shown[-1])] == [("hash", 2), ("send", 1004)]
    assert shown[-1].total == 1004


def test_what_is_there_is_not_sent(folder: Path) -> None:
    platform = Platform()
    platform.held = {"model.safetensors"}
    push(platform, folder)
    assert "model.safetensors" not in platform.content


@settings(max_examples=30, deadline=None)
@given(st.lists(st.none() | st.integers(0, 60), max_size=12))
def test_whatever_breaks_all_of_it_arrives(faults: list[int | None]) -> None:
    with pytest.MonkeyPatch.context() as patch, _file(b"GGUF" + bytes(range(256)) * 2) as source:
        patch.setattr(module, "PIECE_BYTES", 50)
        platform = Platform(*faults)
        push(platform, source)
        assert platform.content == {source.name: source.read_bytes()}


def _file(content: bytes) -> Any:
    from contextlib import contextmanager
    from tempfile import TemporaryDirectory

    @contextmanager
    def made() -> Any:
        with TemporaryDirectory() as folder:
            path = Path(folder, "poet.gguf")
            path.write_bytes(content)
            yield path

    return made()


def test_a_platform_that_stays_away_is_given_up(folder: Path) -> None:
    platform = Platform(*[0] * 99)
    with pytest.raises(Unavailable):
        push(platform, folder)
    assert len(platform.slept) == 12
    assert max(platform.slept) <= 10.0


def test_a_push_that_was_stopped_goes_on_in_its_draft(folder: Path) -> None:
    platform = Platform()
    platform.faults = [1, *[0] * 12]
    with pytest.raises(Unavailable):
        push(platform, folder)
    platform.faults = []
    assert push(platform, folder).number == 1
    assert len(platform.drafts) == 1


def test_what_is_ready_is_not_sent_again_and_what_was_discarded_begins_anew(folder: Path) -> None:
    platform = Platform()
    assert push(platform, folder).number == 1
    platform.end("ready")
    writes = platform.writes
    assert push(platform, folder).state == "ready"
    assert platform.writes == writes
    platform.end("discarded")
    assert push(platform, folder).number == 2


def test_other_content_is_another_draft(folder: Path) -> None:
    platform = Platform()
    push(platform, folder)
    (folder / "config.json").write_bytes(b"{ }")
    assert push(platform, folder).number == 2


def test_what_cannot_be_pushed_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        files_of(tmp_path / "nowhere")
    with pytest.raises(InvalidArgument, match=r"\.gguf"):
        files_of(folder / "config.json")
    (tmp_path / "none").mkdir()
    with pytest.raises(InvalidArgument, match="nothing"):
        files_of(tmp_path / "none")
