"""Processes of a supervisor that died: found by what it wrote down when it started them, and ended.

On Linux the kernel kills the children with their parent; this is for systems without that, and for what the
children themselves had started.
"""

import asyncio
import json
import logging
import os
import time
from contextlib import suppress
from pathlib import Path

import psutil

from colonnade.supervise.home import Home

_log = logging.getLogger(__name__)
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def birthmark(pid: int) -> str | None:
    """Tells a process from a later one with the same number; None where there is none, or a dead one."""
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE:
            return None
        if not _BOOT_ID.exists():
            return f"{process.create_time():.2f}"
        # Kernel ticks since boot do not move when somebody sets the clock; times of day do.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return f"{_BOOT_ID.read_text().strip()}:{fields[19]}"
    except (psutil.Error, OSError):
        return None


def remember(home: Home, service: str, pid: int) -> None:
    """Written whole or not at all."""
    path = home.pid_file(service)
    draft = path.with_suffix(".pid.new")
    draft.write_text(json.dumps({"pid": pid, "born": birthmark(pid)}))
    draft.replace(path)


def forget(home: Home, service: str) -> None:
    home.pid_file(service).unlink(missing_ok=True)


def survivors(home: Home) -> dict[int, str]:
    """Recorded children that still run, and the rest of their sessions: pid to birthmark."""
    recorded = dict(_records(home))
    if not recorded:
        return {}
    found = {}
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            session = os.getsid(process.pid)
            if session in recorded and _is_ours(process, session, recorded[session], home):
                found[process.pid] = birthmark(process.pid)
    return {pid: born for pid, born in found.items() if born}


def _is_ours(process: psutil.Process, session: int, leader_born: str, home: Home) -> bool:
    """A session's number may be another's by now: its leader is the recorded one, or left its mark."""
    leader = birthmark(session)
    if leader is not None:
        return leader == leader_born
    return process.environ().get("COLONNADE_HOME") == str(home.root)


def _records(home: Home) -> list[tuple[int, str]]:
    found = []
    for path in sorted(home.run.glob("*.pid")):
        with suppress(OSError, ValueError, KeyError, TypeError):
            record = json.loads(path.read_text())
            found.append((int(record["pid"]), str(record["born"])))
    return found


async def sweep(home: Home, *, grace_seconds: float = 5.0) -> int:
    """Ends the survivors, politely and then not, and removes pid files and sockets; returns how many.

    Call it with the lock held.
    """
    found = survivors(home)
    for pid, born in found.items():
        _log.warning("ending process %d, left by a supervisor that died", pid)
        _end(pid, born, kill=False)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and _any_left(found):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    for pid, born in found.items():
        _end(pid, born, kill=True)
    for pattern in ("*.pid", "*.pid.new", "*.sock"):
        for leftover in home.run.glob(pattern):
            leftover.unlink(missing_ok=True)
    return len(found)


def _any_left(found: dict[int, str]) -> bool:
    return any(birthmark(pid) == born for pid, born in found.items())


def _end(pid: int, born: str, *, kill: bool) -> None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)  # remembers when it was born and signals no other
        if birthmark(pid) == born:
            process.kill() if kill else process.terminate()
