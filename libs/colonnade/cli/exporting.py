"""Exports a version of the platform on this machine: where torch is, in a process of its own."""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colonnade.cli.importing import Show, showing
from colonnade.errors import Internal, InvalidArgument, NotFound, error_of
from colonnade.storage.blobs import BlobStore, open_blobs
from colonnade.supervise.home import Home

if TYPE_CHECKING:
    from colonnade.client import Model, Version

_MODULE = "colonnade.models.convert.export"


def chosen(model: "Model", reference: str) -> "Version":
    """The version that ``name`` (its production), ``name:3`` or ``name@alias`` stands for."""
    match = re.fullmatch(r"[^:@]+(?::([1-9]\d{0,8})|@([^:@]+))?", reference)
    if match is None:
        raise InvalidArgument(f"{reference!r} is not a name, name:version or name@alias", field="model")
    number = int(match[1]) if match[1] else _of_alias(model, match[2] or "production")
    for version in model.versions:
        if version.version == number:
            return version
    raise NotFound(f"the model {model.name} has no version {number}", field="model")


def export(version: "Version", folder: Path, dtype: str, home: str | None) -> None:
    """Fills ``folder``, which must not exist. Raises what the process that does it says."""
    from colonnade.rpc.settings import ProcessSettings

    named: dict[str, Any] = {"COLONNADE_HOME": Home.of(home).root}
    blobs = open_blobs(ProcessSettings(**named).blobs)
    with (
        asyncio.Runner() as runner,
        _held(runner, blobs),
        tempfile.NamedTemporaryFile("w", suffix=".json") as file,
        showing() as show,
    ):
        json.dump(runner.run(_listing(version, blobs)), file)
        file.flush()
        _run([file.name, "--out", str(folder), *(["--dtype", dtype] if dtype else [])], show)


def export_files(version: "Version", files: Path, folder: Path, dtype: str) -> None:
    """The same of files that lie in ``files`` under their paths."""
    listing = {
        each.path: {"path": str(files / each.path), "digest": each.digest} for each in version.artefacts
    }
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file, showing() as show:
        json.dump(listing, file)
        file.flush()
        _run([file.name, "--out", str(folder), *(["--dtype", dtype] if dtype else [])], show)


@contextmanager
def _held(runner: asyncio.Runner, blobs: BlobStore) -> Iterator[None]:
    """Outside of the loop, whose signal handler would keep Ctrl-C from the process that is waited for."""
    held = blobs.held()
    runner.run(_entered(held))
    try:
        yield
    finally:
        runner.run(_left(held))


async def _entered(held: AbstractAsyncContextManager[None]) -> None:
    await held.__aenter__()


async def _left(held: AbstractAsyncContextManager[None]) -> None:
    await held.__aexit__(None, None, None)


async def _listing(version: "Version", blobs: BlobStore) -> dict[str, dict[str, str]]:
    try:
        return {
            each.path: {"path": str(await blobs.open_path(each.digest)), "digest": each.digest}
            for each in version.artefacts
        }
    except NotFound:
        raise NotFound(
            "the model's files are not on this machine; run the command where the platform runs, with its "
            "COLONNADE_HOME and COLONNADE_BLOBS_URL",
            field="home",
        ) from None


def _run(arguments: list[str], show: Show) -> None:
    from colonnade.client import ImportProgress

    command = [sys.executable, "-P", "-m", _MODULE, *arguments]
    last: dict[str, Any] = {}
    with subprocess.Popen(  # noqa: S603 - ours
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    ) as child:
        try:
            for line in child.stdout or ():
                last = json.loads(line)
                if last["event"] == "progress":
                    show(ImportProgress(last["stage"], last["done"] / max(1, last["total"])))
        finally:
            child.terminate()  # one that has ended does not mind
    if last.get("event") == "error":
        raise error_of(last["code"], last["message"], last["details"])
    if last.get("event") != "done":
        raise Internal(
            f"the export ended with status {child.returncode}; it needs the packages of colonnade[convert]"
        )


def _of_alias(model: "Model", name: str) -> int:
    for alias in model.aliases:
        if alias.name == name and len(alias.targets) == 1:
            return alias.targets[0].version
        if alias.name == name:
            raise InvalidArgument(
                f"{model.name}@{name} stands for several versions; name one, as in {model.name}:1",
                field="model",
            )
    raise NotFound(f"the model {model.name} has no alias {name!r}", field="model")
