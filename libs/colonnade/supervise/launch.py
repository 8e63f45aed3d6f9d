"""What a child does before it becomes a service: ``launch.py PARENT_PID COMMAND...``.

It asks the kernel to kill it when its parent dies (``PR_SET_PDEATHSIG``), and then *becomes* the command.

Why a program and not ``preexec_fn``: between fork and exec of a process with threads (gRPC has some) only
async-signal-safe functions may run, and Python is not; without ``preexec_fn`` the child is made by vfork
and is safe. The setting survives ``exec``. SIGKILL, because after the parent's death nobody could insist.

Two subtleties. The parent may have died before the kernel heard of our wish: then our parent is another
process by now, and we leave. And the signal is sent when the *thread* that forked us ends, so the supervisor
starts children from its main thread alone, which lives as long as the process (see ``process.spawn``).

Run as a file with ``-I -S``: standard library only, nothing but built-in start-up cost.
"""

import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _die_with_parent(parent: int) -> None:
    if not sys.platform.startswith("linux"):
        return  # elsewhere the next supervisor finds and ends what a dead one left (see stale.py)
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
    if os.getppid() != parent:
        os._exit(1)


def wrapped(*command: str) -> list[str]:
    """``command`` behind this launcher, as a child of this process."""
    return [sys.executable, "-I", "-S", "-B", __file__, str(os.getpid()), *command]


def main() -> None:
    parent, *command = sys.argv[1:]
    _die_with_parent(int(parent))
    signal.signal(
        signal.SIGPIPE, signal.SIG_DFL
    )  # Python ignores it, and what is ignored stays so after exec
    os.execvp(command[0], command)  # noqa: S606 - the supervisor's own topology


if __name__ == "__main__":
    main()
