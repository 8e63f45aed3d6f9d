"""``python -m colonnade.ethics --check``"""

import json
from pathlib import Path

import pytest

from colonnade.ethics.__main__ import main


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_HOME", str(tmp_path))


def test_check_says_what_would_be_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert (facts["service"], facts["database"], facts["policies"]) == ("ethics", "sqlite", ["default"])


def test_a_folder_of_policies_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLONNADE_ETHICS_POLICIES_DIR", str(tmp_path / "none"))
    assert main(["--check"]) == 2
    assert "make it, or leave the setting empty" in capsys.readouterr().err
