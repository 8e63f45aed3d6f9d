"""What is done to a registry that does not run: refused where it does."""

import asyncio
import base64
from dataclasses import replace
from pathlib import Path

import pytest

from colonnade.registry.backups.listing import BackupList, name_of
from colonnade.registry.events.webhook import Webhook
from colonnade.registry.offline import main
from colonnade.registry.settings import RegistrySettings
from colonnade.security.audit import AuditLog, read
from colonnade.storage.blobs import BlobPlace, open_blobs
from tests.contract.backups.places import Backing, Stores
from tests.unit.registry.events.stores import KEYS, SECRETS, kept
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


async def _backed_up_with_a_webhook(folder: Path) -> str:
    """A place; the key that its secret is sealed with is that of the tests."""
    backing = Backing(str(folder / "other"), folder / "cache")
    async with kept(folder) as house:
        hook = Webhook("wh_1", "acme", "https://a", (), (), "", START, "acme/eve")
        hook = replace(hook, sealed=SECRETS.seal(hook, "whsec_x"))
        await house.webhooks.add(hook, 0, None, most=1)
        await backing.up(
            Stores(house.database, open_blobs(BlobPlace("", folder / "blobs", folder / "cache")))
        )
    return backing.url


@pytest.mark.parametrize("copied", [True, False])
def test_says_which_key_of_its_secrets_is_missing(
    tmp_path: Path, settings: RegistrySettings, capsys: pytest.CaptureFixture[str], copied: bool
) -> None:
    place = asyncio.run(_backed_up_with_a_webhook(tmp_path))
    keys = settings.own_encryption_keys
    if copied:
        keys.parent.mkdir(parents=True)
        keys.write_bytes(base64.b64encode(b"k" * 32))
    assert main(["restore", place]) == 0
    said = capsys.readouterr().err
    assert (said == "") == copied
    assert copied or (KEYS.first in said and "data/registry/encryption-keys" in said)
    assert keys.exists() == copied


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
