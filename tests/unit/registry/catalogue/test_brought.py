"""The README of a folder is the card of what is imported from it, if it can be one."""

from pathlib import Path

import pytest

from colonnade.registry.catalogue.brought import README, card_of


def test_of_a_folder(tmp_path: Path) -> None:
    assert card_of(tmp_path, {}) == ""
    (tmp_path / README).write_text("# Mine é\n")
    assert card_of(tmp_path, {}) == "# Mine é\n"


def test_what_was_made_comes_first(tmp_path: Path) -> None:
    (tmp_path / README).write_text("source")
    made = tmp_path / "made.md"
    made.write_text("made")
    assert card_of(tmp_path, {README: made}) == "made"


def test_a_file_has_none(tmp_path: Path) -> None:
    file = tmp_path / "model.gguf"
    file.touch()
    assert card_of(file, {}) == ""


@pytest.mark.parametrize("content", [b"", b"\xff", b"a\0b", b"x" * (256 * 1024 + 1)], ids=len)
def test_what_is_no_card(tmp_path: Path, content: bytes) -> None:
    (tmp_path / README).write_bytes(content)
    assert card_of(tmp_path, {}) == ""


def test_it_never_leads_elsewhere(tmp_path: Path) -> None:
    folder, secret = tmp_path / "model", tmp_path / "secret"
    folder.mkdir()
    secret.write_text("secret")
    (folder / README).symlink_to(secret)
    assert card_of(folder, {}) == ""
