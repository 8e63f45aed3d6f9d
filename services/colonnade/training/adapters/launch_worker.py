"""What a worker is before it becomes one: ``launch_worker [--wait] RECORD LOCK MACHINE COMMAND...``.

It takes the job's lock, records which process it is, and then *becomes* the command, with the same number
and the same birth. So there is no moment in which a worker runs that nobody could find again, whoever dies
when; and of several launchers of one attempt one becomes the worker. The lock stays with the worker and with
what it starts: the kernel frees it when the last of them is gone. With ``--wait`` it waits for that; who sees
the refusal can as well try again.

Nothing here asks to die with the parent: a worker outlives the service that started it.
"""

import fcntl
import os
import sys
from pathlib import Path

from colonnade.supervise.stale import birthmark
from colonnade.training.adapters.job_folder import Started, record_once

TAKEN = 75
"""Exit status: a worker of an earlier attempt has the lock."""
TOO_LATE = 76
"""Exit status: the attempt has its worker, or was ruled out."""


def main() -> int:
    """Returns only where it becomes no worker."""
    waits = sys.argv[1] == "--wait"
    record, lock, machine, *command = sys.argv[2 if waits else 1 :]
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if waits else fcntl.LOCK_NB))
    except BlockingIOError:
        return TAKEN
    me = Started(os.getpid(), birthmark(os.getpid()) or "", machine)
    if not record_once(Path(record), me):
        return TOO_LATE
    os.set_inheritable(descriptor, True)
    return os.execvp(command[0], command)  # noqa: S606 - the service's own command


if __name__ == "__main__":
    sys.exit(main())
