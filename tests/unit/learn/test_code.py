"""Which commit a checkout is at, as git keeps it."""

import subprocess
from pathlib import Path

import pytest

from colonnade.learn.code import code_facts, commit_of


def git(folder: Path, *arguments: str) -> str:
    settings = ("-c", "user.name=a", "-c", "user.email=a@b", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *settings, *arguments], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "checkout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    git(folder, "commit", "-q", "--allow-empty", "-m", "one")
    return folder


def test_of_a_branch_packed_or_not_and_of_none(checkout: Path) -> None:
    head = git(checkout, "rev-parse", "HEAD")
    assert commit_of(checkout) == head
    git(checkout, "pack-refs", "--all")
    assert commit_of(checkout) == head
    git(checkout, "checkout", "-q", "--detach")
    assert commit_of(checkout) == head


def test_of_a_second_work_tree(checkout: Path, tmp_path: Path) -> None:
    git(checkout, "worktree", "add", "-q", "-b", "other", str(tmp_path / "second"))
    git(tmp_path / "second", "commit", "-q", "--allow-empty", "-m", "two")
    assert commit_of(tmp_path / "second") == git(tmp_path / "second", "rev-parse", "HEAD")
    assert commit_of(tmp_path / "second") != commit_of(checkout)


def test_what_is_no_checkout_has_none(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/none\n")
    assert commit_of(tmp_path) == ""


def test_the_release_is_known() -> None:
    assert code_facts()["version"]
