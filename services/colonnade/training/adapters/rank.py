"""One process of a run that several share, on the machine that a cluster gave it.

It ends with whoever started it: the kernel sees to that. The first of them alone writes into the run's
folder. So it holds a lock there, and whoever started it does; the first of the next group waits until both
are gone, wherever they ran.
"""

import fcntl
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from colonnade.supervise import launch
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.last_words import last_words
from colonnade.training.adapters.worker_command import SURROUNDINGS
from colonnade.training.domain import Ending

_LOOK_SECONDS = 0.2
_NOT_ITS_BUSINESS = ("RAY_", "COLONNADE_")
"""Of the environment: the cluster's token, the platform's keys."""


class RankLost(Exception):
    """It ended without an ending; the run can go on."""


@dataclass(frozen=True, slots=True)
class Rank:
    number: int
    world: int
    address: str = "127.0.0.1"
    """Of the first one."""
    port: int = 0

    @property
    def environment(self) -> dict[str, str]:
        """As torchrun has it; nothing for one that is alone. Each sees its own devices alone, so each is the
        first of its machine."""
        if self.world == 1:
            return {}
        return {
            "RANK": str(self.number),
            "WORLD_SIZE": str(self.world),
            "LOCAL_RANK": "0",
            "LOCAL_WORLD_SIZE": "1",
            "MASTER_ADDR": self.address,
            "MASTER_PORT": str(self.port),
        }


@dataclass(frozen=True, slots=True)
class Part:
    """A rank's part in an attempt at a run."""

    folder: JobFolder
    attempt: int
    rank: Rank
    command: Sequence[str]
    inherited: Mapping[str, str]
    work: Path

    def run(self) -> None:
        """Returns when the process has ended: as it meant to, or because somebody asked for it. Raises
        ``RankLost``.

        Call it on a thread that lives as long: the process ends with that."""
        if self.rank.number > 0:
            self._run()
            return
        held = os.open(self.folder.first_rank, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            self._run(held)
        finally:
            os.close(held)

    def _run(self, *held: int) -> None:
        if self._stopped:
            return
        # What an earlier group told is not how this one ended.
        with self._told.open("wb") as out, self.folder.of_attempt(self.attempt, "err").open("ab") as err:
            process = subprocess.Popen(  # noqa: S603 - the service's own command
                launch.wrapped(*self.command),
                env={**_kept(self.inherited), **SURROUNDINGS, **self.rank.environment},
                cwd=self.work,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                pass_fds=held,
            )
            status = self._waited(process)
        if not self._stopped:
            self._judge(status)

    def _waited(self, process: "subprocess.Popen[bytes]") -> int:
        asked = False
        while True:
            try:
                return process.wait(_LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if not asked and self._stopped:
                    asked = True
                    process.send_signal(signal.SIGTERM)

    def _judge(self, status: int) -> None:
        """The first one says how the run ended. Another one that ends by itself has heard of that, or of one
        that is gone; killed, it is the one that is gone."""
        first = self.rank.number == 0
        ending, words = last_words(self._told)
        if (first and ending is Ending.NONE) or (not first and status < 0):
            raise RankLost(words or _how(status))

    @property
    def _stopped(self) -> bool:
        return self.folder.of_attempt(self.attempt, "stop").exists()

    @property
    def _told(self) -> Path:
        number = self.rank.number
        return self.folder.of_attempt(self.attempt, f"{number}.out" if number else "out")


def _how(status: int) -> str:
    return f"it was ended by signal {-status}" if status < 0 else f"it ended with status {status}"


def _kept(inherited: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in inherited.items() if not name.startswith(_NOT_ITS_BUSINESS)}
