"""A registry is backed up while its platform runs, and comes back in another home."""

import shutil
from pathlib import Path

import pytest

from colonnade.client import Colonnade
from tests.harness.platform import Platform, running

pytestmark = pytest.mark.timeout(400)


def _answer(platform: Platform) -> str:
    with Colonnade(platform.url, timeout=120) as client:
        return client.generate("Once upon", model="kept", max_tokens=8, temperature=0).text


def test_backed_up_wiped_and_restored(tiny_model: Path, tmp_path: Path, short_folder: Path) -> None:
    place = str(tmp_path / "place")
    roots = {
        "COLONNADE_REGISTRY_IMPORT_ROOTS": str(tiny_model.parent),
        "COLONNADE_REGISTRY_BACKUP_ROOT": place,
        "COLONNADE_REGISTRY_COLLECT_GRACE_HOURS": "0",
    }
    first, second = short_folder / "1", short_folder / "2"
    with running("--no-import", home=first, **roots) as platform:
        platform.command("models", "import", str(tiny_model), "--name", "kept")
        said = _answer(platform)
        name = platform.command("registry", "backup", "nightly", "--keep", "2").stdout.strip()
        again = platform.command("registry", "backup", "nightly", "--json").stdout
        assert '"copied": 0' in again
        assert "0 removed" in platform.command("registry", "gc").stderr
        with Colonnade(platform.url) as client:
            assert client.registry.collect(dry_run=True).wait().removed == 0
        refused = platform.command("registry", "backup", "/etc", check=False)
        assert refused.returncode
        assert "COLONNADE_REGISTRY_BACKUP_ROOT" in refused.stderr
        busy = platform.command("registry", "restore", f"{place}/nightly", check=False)
        assert "stop it first" in busy.stderr
    verified = platform.command("registry", "verify", f"{place}/nightly/backups/{name}")
    assert "Whole" in verified.stderr
    platform.command("registry", "restore", f"{place}/nightly", "--home", str(second))
    for kept in ("trusted-keys", "data/registry/signing-key.pem"):
        (second / kept).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (first / kept).is_dir() else shutil.copy2
        copy(first / kept, second / kept)
    shutil.rmtree(first)
    with running("--no-import", home=second, **roots) as platform:
        assert _answer(platform) == said
    refused = platform.command("registry", "restore", f"{place}/nightly", "--home", str(second), check=False)
    assert "empty" in refused.stderr
