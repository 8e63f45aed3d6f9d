"""Is the home folder ours, guarded, and free of what dead processes left?"""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from colonnade.cli.checks.finding import Finding, fail, ok, warn
from colonnade.supervise import stale
from colonnade.supervise.home import MAX_SOCKET_PATH, Home


def look(home: Home, *, running: bool) -> Iterator[Finding]:
    yield length(home)
    if not home.root.exists():
        yield ok("home", f"{home.root} will be made at the first start")
        return
    yield owner(home)
    yield permissions(home)
    if not running:
        yield leftovers(home)


def length(home: Home) -> Finding:
    used = len(os.fsencode(home.control))
    if used > MAX_SOCKET_PATH:
        return fail(
            "home",
            f"the path of COLONNADE_HOME is too long for sockets ({used} bytes, at most {MAX_SOCKET_PATH})",
            "choose a shorter folder with COLONNADE_HOME",
        )
    return ok("home", f"{home.root}")


def owner(home: Home) -> Finding:
    if not home.root.is_dir():
        return fail("home", "COLONNADE_HOME is not a folder", "choose another with COLONNADE_HOME")
    if home.root.stat().st_uid != os.geteuid():
        return fail("home", "COLONNADE_HOME belongs to another user", "choose a folder of yours")
    if not os.access(home.root, os.W_OK | os.X_OK):
        return fail("home", "COLONNADE_HOME cannot be written to", f"chmod u+rwx {home.root}")
    return ok("home", "COLONNADE_HOME is yours and can be written to")


def permissions(home: Home) -> Finding:
    open_to_others = [folder.name for folder in home.private if folder.is_dir() and _shared(folder)]
    if open_to_others and _shared(home.root):
        return fail(
            "permissions",
            f"other users may enter {', '.join(open_to_others)} in COLONNADE_HOME",
            f"chmod go-rwx {' '.join(str(home.root / name) for name in open_to_others)}",
        )
    return ok("permissions", "nobody else can enter COLONNADE_HOME's private folders")


def _shared(folder: Path) -> bool:
    return bool(stat.S_IMODE(folder.stat().st_mode) & 0o077)


def leftovers(home: Home) -> Finding:
    """Of a supervisor that died; only asked where none runs."""
    if survivors := stale.survivors(home):
        return warn(
            "leftovers",
            f"{len(survivors)} processes of a platform that died still run",
            "colonnade up ends them and starts anew",
        )
    files = [*home.run.glob("*.sock"), *home.run.glob("*.pid")]
    if files:
        return warn(
            "leftovers",
            f"{len(files)} sockets and pid files of a platform that died",
            "nothing to do: colonnade up clears them away",
        )
    return ok("leftovers", "no stale sockets, locks or processes")
