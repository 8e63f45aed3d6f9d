"""The importer: ``python -m colonnade.models.convert`` as a child: what needs torch runs where torch is.

The child is trusted with nothing: its lines are bounded and its files are looked at again.
"""

import asyncio
import json
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from colonnade.errors import DeadlineExceeded, Internal, error_of
from colonnade.registry.adapters.child import Child, running
from colonnade.registry.adapters.folder import files_below
from colonnade.registry.ports import Base, Converted, Progress

COMMAND = (sys.executable, "-P", "-m", "colonnade.models.convert")
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH",
    "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV",
)  # fmt: skip


class ConvertProcess:
    """Implements ``ports.Importer``. ``folder`` holds the workspaces."""

    def __init__(
        self,
        folder: Path,
        environment: Mapping[str, str],
        *,
        command: Sequence[str] = COMMAND,
        seconds: float = 4 * 3600,
        threads: int = 1,
    ) -> None:
        self._folder = folder
        self._command = tuple(command)
        self._seconds = seconds
        self._environment = {name: environment[name] for name in _PASSED_ON if name in environment} | {
            "OMP_NUM_THREADS": str(threads),
            "OMP_WAIT_POLICY": "PASSIVE",  # waiting threads sleep: the engine needs the processors
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
        }

    def sweep(self) -> None:
        """Removes the workspaces of a registry that died. Only while no import runs."""
        shutil.rmtree(self._folder, ignore_errors=True)

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Path]:
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._folder))
        try:
            yield path
        finally:
            await asyncio.shield(asyncio.to_thread(shutil.rmtree, path, ignore_errors=True))

    async def convert(
        self, source: Path, out: Path, base: Base | None = None
    ) -> AsyncGenerator[Progress | Converted]:
        version = out / "version"
        command = (*self._command, str(source), "--out", str(version), *_options(base))
        done: dict[str, Any] | None = None
        async with running(command, self._environment, out) as child:
            async for event in self._events(child):
                if event.get("event") == "progress":
                    yield _progress(event)
                elif event.get("event") == "error":
                    raise error_of(str(event["code"]), str(event["message"]), event.get("details"))
                elif event.get("event") == "done":
                    done = event
            status = await child.status()
        if status != 0 or done is None:
            raise Internal(f"the conversion failed ({_ending(status)}); the registry's log has more")
        yield _converted(done, await asyncio.to_thread(files_below, version))

    async def _events(self, child: Child) -> AsyncIterator[dict[str, Any]]:
        """The child's JSON lines until it closes its output."""
        deadline = asyncio.get_running_loop().time() + self._seconds
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                line = await asyncio.wait_for(child.line(), left)
            except TimeoutError:
                raise DeadlineExceeded(
                    f"the conversion took longer than {self._seconds:g} s "
                    "(COLONNADE_REGISTRY_IMPORT_SECONDS)",
                    limit=self._seconds,
                ) from None
            except ValueError:
                raise Internal("the conversion wrote a line that is too long") from None
            if not line:
                return
            yield _event(line)


def _options(base: Base | None) -> tuple[str, ...]:
    if base is None:
        return ()
    paths = ("--base-description", str(base.description), "--base-config", str(base.config))
    return ("--base", base.digest, *paths)


def _event(line: bytes) -> dict[str, Any]:
    try:
        event = json.loads(line)
    except ValueError:
        event = None
    if not isinstance(event, dict):
        raise Internal("the conversion wrote a line that is not one of its events")
    return event


def _progress(event: Mapping[str, Any]) -> Progress:
    total = max(int(event["total"]), 1)
    return Progress(str(event["stage"]), min(max(int(event["done"]) / total, 0.0), 1.0))


def _converted(event: Mapping[str, Any], files: Mapping[str, Path]) -> Converted:
    return Converted(
        files=files,
        family=str(event["family"]),
        parameters=int(event["parameters"]),
        size_label=str(event["size_label"]),
        context_length=int(event["context_length"]),
        source_digest=str(event["source_digest"]),
        base=str(event.get("base", "")),
    )


def _ending(status: int) -> str:
    if status < 0:
        return f"killed by {signal.Signals(-status).name}; perhaps there was not enough memory"
    return f"exit status {status}"
