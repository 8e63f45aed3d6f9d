import ctypes
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from colonnade.engine.kernels import native

WORKS = 'extern "C" int answer() { return 42; }\n'


@pytest.fixture
def sources(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A library of one function, built in a moment."""
    folder = tmp_path / "cpp"
    folder.mkdir()
    (folder / "a.cpp").write_text(WORKS)
    monkeypatch.setattr(native, "SOURCES", folder)
    native.library.cache_clear()
    native._library.cache_clear()
    yield folder
    native.library.cache_clear()
    native._library.cache_clear()


def _again(folder: Path) -> ctypes.CDLL | None:
    """As in a process that starts."""
    native.library.cache_clear()
    native._library.cache_clear()
    return native.library(folder)


def _answer(library: ctypes.CDLL | None) -> int:
    assert library is not None
    answer: int = library.answer()
    return answer


def test_a_build_is_kept_and_used_again(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert _answer(_again(tmp_path / "kept")) == 42
    (built,) = (tmp_path / "kept").iterdir()
    monkeypatch.setattr(native, "_build", lambda *_: pytest.fail("built twice"))
    assert _answer(_again(tmp_path / "kept")) == 42
    assert [*(tmp_path / "kept").iterdir()] == [built]


def test_other_sources_are_another_build(sources: Path, tmp_path: Path) -> None:
    assert _answer(_again(tmp_path / "kept")) == 42
    (sources / "a.cpp").write_text(WORKS.replace("42", "43"))
    assert _answer(_again(tmp_path / "kept")) == 43
    assert len([*(tmp_path / "kept").iterdir()]) == 2


def test_a_damaged_build_is_made_again(sources: Path, tmp_path: Path) -> None:
    assert _answer(_again(tmp_path / "kept")) == 42
    (built,) = (tmp_path / "kept").iterdir()
    built.unlink()  # not overwritten: this process has it in its memory
    built.write_bytes(b"\x7fELF and no more")
    assert _answer(_again(tmp_path / "kept")) == 42


def test_many_who_ask_at_once_get_one(sources: Path, tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = [*pool.map(lambda _: native.library(tmp_path / "kept"), range(8))]
    assert {id(each) for each in found} == {id(found[0])}
    assert _answer(found[0]) == 42


def test_a_folder_that_cannot_be_written_costs_a_build_each_start(sources: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")  # no folder can be made in it, not even by root
    assert _answer(_again(tmp_path / "file" / "kept")) == 42


def test_the_folder_of_the_settings_is_used(sources: Path, tmp_path: Path) -> None:
    native.keep_in(tmp_path / "set")
    try:
        assert _answer(native.library()) == 42
    finally:
        native.keep_in(None)
    assert [*(tmp_path / "set").iterdir()]


def test_without_a_compiler_there_is_none(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with capture_logs() as logs:
        assert native.library(tmp_path / "kept") is None
        assert native.library(tmp_path / "kept") is None
    assert ["no C++ compiler" in each["event"] for each in logs] == [True], "said once"


def test_what_does_not_compile_is_told_once(sources: Path, tmp_path: Path) -> None:
    (sources / "a.cpp").write_text("this is not C++\n")
    with capture_logs() as logs:
        assert native.library(tmp_path / "kept") is None
        assert native.library(tmp_path / "kept") is None
    (told,) = logs
    assert "reference kernels" in told["event"]
    assert "error" in told["output"]
    assert [*(tmp_path / "kept").iterdir()] == [], "nothing half done is left"


def test_a_compiler_that_cannot_run_is_no_compiler(
    sources: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = tmp_path / "bin"
    fake.mkdir()
    (fake / "c++").write_text("#!/bin/sh\nexit 3\n")
    (fake / "c++").chmod(0o755)
    monkeypatch.setenv("PATH", f"{fake}{os.pathsep}/nowhere")
    assert native.library(tmp_path / "kept") is None


def test_the_real_sources_build_where_there_is_a_compiler() -> None:
    assert native.library() is not None
