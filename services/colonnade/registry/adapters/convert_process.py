"""The importer: ``python -m colonnade.models.convert`` as a child: what needs torch runs where torch is.

The child cannot outlive us, gives way to everything else on the machine, and is trusted with nothing: its
lines are bounded, its files are looked at again, its words on standard error go to the log.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from colonnade.errors import DeadlineExceeded, Internal, error_of
from colonnade.registry.adapters.folder import files_below
from colonnade.registry.ports import Converted, Progress
from colonnade.supervise import launch
from colonnade.telemetry import get_logger

COMMAND = (sys.executable, "-P", "-m", "colonnade.models.convert")
_PASSED_ON = (
    "PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH",
    "PYTHONPATH", "PYTHONHOME", "PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV",
)  # fmt: skip
_NICE = 10
_MAX_LINE_BYTES = 64 * 1024
_MAX_LOGGED_LINES = 200
_MAX_LOGGED_CHARACTERS = 500
_LOG = get_logger(__name__)


class ConvertProcess:
    """Implements ``ports.Importer``. ``folder`` holds the workspaces; what a dead process left there goes."""

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
            "TOKENIZERS_PARALLELISM": "false",
            "HF_HUB_OFFLINE": "1",
        }

    def sweep(self) -> None:
        """Empties the folder of workspaces. Only while no import runs."""
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True, mode=0o700)

    @asynccontextmanager
    async def workspace(self) -> AsyncIterator[Path]:
        path = Path(await asyncio.to_thread(tempfile.mkdtemp, dir=self._folder))
        try:
            yield path
        finally:
            await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)

    async def convert(self, source: Path, out: Path) -> AsyncGenerator[Progress | Converted]:
        version = out / "version"
        process = await self._start(source, version)
        with _ended(process):
            log = asyncio.create_task(_log_errors(process))
            try:
                done: dict[str, Any] | None = None
                async for event in self._events(process):
                    if event.get("event") == "progress":
                        yield _progress(event)
                    elif event.get("event") == "error":
                        raise error_of(str(event["code"]), str(event["message"]), event.get("details"))
                    elif event.get("event") == "done":
                        done = event
                await process.wait()
            finally:
                log.cancel()
        if process.returncode != 0 or done is None:
            raise Internal(
                f"the conversion failed ({_ending(process.returncode)}); the registry's log has more"
            )
        yield _converted(done, await asyncio.to_thread(files_below, version))

    async def _start(self, source: Path, out: Path) -> asyncio.subprocess.Process:
        # From the main thread, and through the launcher: see `colonnade.supervise.launch`.
        launcher = (sys.executable, "-I", "-S", "-B", launch.__file__, str(os.getpid()))
        process = await asyncio.create_subprocess_exec(
            *launcher, *self._command, str(source), "--out", str(out),
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            limit=_MAX_LINE_BYTES, env=self._environment, cwd=str(out.parent), start_new_session=True,
        )  # fmt: skip
        with suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, process.pid, _NICE)
        return process

    async def _events(self, process: asyncio.subprocess.Process) -> AsyncIterator[dict[str, Any]]:
        """The child's JSON lines until it closes its output."""
        assert process.stdout is not None
        deadline = asyncio.get_running_loop().time() + self._seconds
        while True:
            left = deadline - asyncio.get_running_loop().time()
            try:
                line = await asyncio.wait_for(process.stdout.readline(), left)
            except TimeoutError:
                raise DeadlineExceeded(
                    f"the conversion took longer than {self._seconds:.0f} s "
                    "(COLONNADE_REGISTRY_IMPORT_SECONDS)",
                    limit=self._seconds,
                ) from None
            except ValueError:
                raise Internal("the conversion wrote a line that is too long") from None
            if not line:
                return
            yield _event(line)


@contextmanager
def _ended(process: asyncio.subprocess.Process) -> Iterator[None]:
    """However the body is left, nothing of the child's group lives on."""
    try:
        yield
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)


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
    )


def _ending(status: int | None) -> str:
    if status is not None and status < 0:
        return f"killed by {signal.Signals(-status).name}; perhaps there was not enough memory"
    return f"exit status {status}"


async def _log_errors(process: asyncio.subprocess.Process) -> None:
    """Passes on what the child says, to the log, as long as it does not say too much."""
    assert process.stderr is not None
    said = 0
    while chunk := await process.stderr.read(_MAX_LINE_BYTES):
        for line in chunk.decode(errors="replace").splitlines():
            said += 1
            if said <= _MAX_LOGGED_LINES:
                _LOG.info("conversion says", line=line[:_MAX_LOGGED_CHARACTERS])
