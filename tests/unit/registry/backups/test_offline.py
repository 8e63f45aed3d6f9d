"""What is done to a registry that does not run: refused where it does."""

from pathlib import Path

import pytest

from colonnade.registry.backups.listing import BackupList, name_of
from colonnade.registry.offline import main
from colonnade.registry.settings import RegistrySettings
from colonnade.security.audit import AuditLog, read
from tests.unit.registry.fakes import START


@pytest.fixture
def place(tmp_path: Path) -> str:
    """A backup of a registry that had nothing."""
    listing = BackupList(name_of(START), START, "0010", (), ())
    path = tmp_path / "place" / listing.path("backup.json")
    path.parent.mkdir(parents=True)
    path.write_bytes(listing.to_bytes())
    return str(tmp_path / "place")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RegistrySettings:
    monkeypatch.setenv("COLONNADE_HOME", str(tmp_path / "home"))
    return RegistrySettings()


@pytest.mark.parametrize("name", ["", f"/backups/{name_of(START)}"], ids=["newest", "named"])
def test_restores_once(
    place: str, settings: RegistrySettings, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["verify", place + name]) == 0
    assert main(["restore", place + name]) == 0
    assert '"stage": "done"' in capsys.readouterr().out
    assert [record.outcome for record in read(settings.audit)] == ["begun", "ok"]


def test_not_while_the_registry_runs(
    place: str, settings: RegistrySettings, capsys: pytest.CaptureFixture[str]
) -> None:
    with AuditLog(settings.audit, "registry"):
        assert main(["restore", place]) == 2
    assert "stop it first" in capsys.readouterr().err


def test_what_is_no_backup(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path)]) == 2
    assert main(["verify", f"{tmp_path}/backups/{name_of(START)}"]) == 2
    assert str(tmp_path) not in capsys.readouterr().err
