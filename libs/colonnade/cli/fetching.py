"""Fetches a version's files to this machine, and makes a Hugging Face folder of them where PyTorch is."""

import shutil
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from colonnade.cli.sending import step
from colonnade.cli.terminal import progress
from colonnade.errors import (
    AlreadyExists,
    Conflict,
    DeadlineExceeded,
    Internal,
    Unavailable,
    Unsupported,
    backoff,
)
from colonnade.security.inputs import relative_artefact_path

if TYPE_CHECKING:
    from collections.abc import Callable

    from colonnade.cli.terminal import Step
    from colonnade.client import Artefact, Colonnade, Version

_QUARTERS = 4
_TRIES = 12
"""That bring nothing further, one after the other."""


def pull(client: "Colonnade", version: "Version", folder: Path, dtype: str, *, as_stored: bool) -> None:
    """Fills ``folder``, which must not exist. What was fetched of a pull that was stopped lies beside it."""
    if folder.exists():
        raise AlreadyExists("the folder is there already; name a new one", field="folder")
    if not as_stored and find_spec("torch") is None:
        raise Unsupported(
            "making a Hugging Face folder takes PyTorch: pip install 'colonnade[convert]', or take the files "
            "as they are with --as-stored",
            field="as_stored",
        )
    parts = folder.with_name(f".{folder.name}.{version.digest.removeprefix('sha256:')[:12]}.part")
    _Fetch(client, version, parts).run()
    if as_stored:
        parts.rename(folder)
        return
    from colonnade.cli.exporting import export_files

    export_files(version, parts, folder, dtype)
    shutil.rmtree(parts)
    if card := client.models.version(version.name, version.version).card:
        (folder / "README.md").write_text(card)  # where Hugging Face looks for it, and a push takes it from


class _Fetch:
    def __init__(self, client: "Colonnade", version: "Version", folder: Path) -> None:
        self._client, self._version, self._folder = client, version, folder
        self._total = sum(each.size_bytes for each in version.artefacts)
        self._failed = 0

    def run(self) -> None:
        done = 0
        with progress(_QUARTERS) as draw:
            for artefact in self._version.artefacts:
                path = self._folder / relative_artefact_path(artefact.path)
                path.parent.mkdir(parents=True, exist_ok=True)
                self._file(artefact, path, done, draw)
                done += artefact.size_bytes
                draw(step("fetch", done, self._total, artefact.path))

    def _file(self, artefact: "Artefact", path: Path, done: int, draw: "Callable[[Step], None]") -> None:
        from colonnade.client.pushing import digest_of

        while (start := path.stat().st_size if path.exists() else 0) < artefact.size_bytes:
            try:
                self._rest(artefact, path, start, done, draw)
            except (Unavailable, DeadlineExceeded) as broken:
                self._failed = 0 if path.exists() and path.stat().st_size > start else self._failed + 1
                if self._failed > _TRIES:
                    raise broken
                time.sleep(backoff(self._failed + 1, first=0.2, longest=10.0))
        if digest_of(path) != artefact.digest:
            path.unlink()
            raise Conflict(f"{artefact.path} did not arrive as it was sent; try again", field="digest")

    def _rest(
        self, artefact: "Artefact", path: Path, start: int, done: int, draw: "Callable[[Step], None]"
    ) -> None:
        pieces = self._client.drafts.read(
            self._version.name, self._version.version, artefact.path, start=start
        )
        with path.open("ab") as out:
            for piece in pieces:
                out.write(piece)
                draw(step("fetch", done + out.tell(), self._total, artefact.path))
                if out.tell() > artefact.size_bytes:
                    raise Internal("the platform sends more than the file has")
