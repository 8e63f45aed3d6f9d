"""The command that verifies audit logs."""

from pathlib import Path

import pytest

from colonnade.security.audit import AuditLog
from colonnade.security.audit.__main__ import main


@pytest.fixture
def path(tmp_path: Path) -> Path:
    with AuditLog(tmp_path / "gateway.jsonl", "gateway") as log:
        for _ in range(3):
            log.note("a", None, "done")
    return tmp_path / "gateway.jsonl"


def test_a_chain_in_order(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(path)]) == 0
    printed = capsys.readouterr().out
    assert "in order, 3 records, head 3:" in printed
    head = printed.split("head ")[1].strip()
    assert main([str(path), "--expect", head]) == 0


def test_a_chain_that_was_cut(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main([str(path)])
    head = capsys.readouterr().out.split("head ")[1].strip()
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:2]))
    assert main([str(path)]) == 0
    assert main([str(path), "--expect", head]) == 1
    assert "the expected record is missing" in capsys.readouterr().out


def test_one_changed_file_among_many(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(path.read_bytes().replace(b'"done"', b'"lost"', 1))
    assert main([str(path), str(changed), str(tmp_path / "none")]) == 1
    printed = capsys.readouterr().out
    assert "line 1: was changed" in printed
    assert "the file is missing" in printed


@pytest.mark.parametrize(
    "arguments",
    [[], ["x", "--expect", "1"], ["x", "--expect", "a:b"], ["x", "y", "--expect", "1:" + "0" * 64]],
)
def test_wrong_arguments(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
