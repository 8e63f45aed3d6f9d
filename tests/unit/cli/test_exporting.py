"""``colonnade models export``: which version, and what is said where it cannot be."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from colonnade.cli.exporting import chosen, export
from colonnade.client import Alias, AliasTarget, Artefact, Model, Version
from colonnade.errors import ColonnadeError, InvalidArgument, NotFound
from colonnade.storage.blobs import LocalBlobStore
from colonnade.supervise.home import Home
from tests.unit.cli.conftest import Done

VERSIONS = tuple(Version("m", number, f"sha256:{number}", "transformer") for number in (3, 2, 1))
ALIASES = (
    Alias("production", (AliasTarget(2, 100),)),
    Alias("split", (AliasTarget(1, 50), AliasTarget(2, 50))),
)
MODEL = Model("m", latest_version=3, aliases=ALIASES, versions=VERSIONS)


@pytest.mark.parametrize(("reference", "number"), [("m", 2), ("m:1", 1), ("m@production", 2), ("m:3", 3)])
def test_a_reference_stands_for_one_version(reference: str, number: int) -> None:
    assert chosen(MODEL, reference).version == number


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("m:9", NotFound),
        ("m@nobody", NotFound),
        ("m@split", InvalidArgument),
        ("m:x", InvalidArgument),
        ("m:", InvalidArgument),
        ("m:1:2", InvalidArgument),
    ],
)
def test_one_that_stands_for_none_is_refused(reference: str, error: type[ColonnadeError]) -> None:
    with pytest.raises(error) as refused:
        chosen(MODEL, reference)
    assert refused.value.details["field"] == "model"


def test_files_of_another_machine_are_told_as_such(home: Home, tmp_path: Path) -> None:
    version = Version(
        "m", 1, "sha256:1", "transformer", artefacts=(Artefact("config.json", f"sha256:{'0' * 64}"),)
    )
    with pytest.raises(NotFound, match="not on this machine"):
        export(version, tmp_path / "out", "", None)


async def test_what_the_process_refuses_is_told(
    home: Home, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    blob = await LocalBlobStore(home.blobs).put_bytes(b"{}")
    version = Version("m", 1, "sha256:1", "transformer", artefacts=(Artefact("config.json", blob.digest),))

    def refused() -> None:
        with pytest.raises(InvalidArgument, match=r"lacks the file colonnade\.json"):
            export(version, tmp_path / "out", "", None)

    await asyncio.to_thread(refused)
    assert not (tmp_path / "out").exists()
    assert "read" in capsys.readouterr().err


def test_the_command_says_which_model_is_not_there(
    stub: object, home: Home, colonnade: Callable[..., Done], tmp_path: Path
) -> None:
    done = colonnade("models", "export", "nobody", str(tmp_path / "out"))
    assert done.status == 1
