"""Commands that a cluster takes under a name, each once: what stands behind a Ray head and behind KubeRay."""

import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Commands:
    """Run by a shell in sessions of their own, as Ray does. ``held`` are taken, and wait for room."""

    held: bool = False
    deaf: bool = False
    """What runs is not ended: its machine is cut off."""
    taken: dict[str, str] = field(default_factory=dict)
    _running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)
    _stopped: set[str] = field(default_factory=set)
    _lock: Lock = field(default_factory=Lock)

    def submit(self, name: str, command: str) -> bool:
        """False where the name was taken."""
        with self._lock:
            if name in self.taken:
                return False
            self.taken[name] = command
            if not self.held:
                self._running[name] = subprocess.Popen(
                    command, shell=True, start_new_session=True, stdin=subprocess.DEVNULL
                )
            return True

    def status(self, name: str) -> str:
        """Empty where there is none."""
        if name not in self.taken:
            return ""
        if name in self._stopped:
            return "STOPPED"
        if name not in self._running:
            return "PENDING"
        code = self._running[name].poll()
        return "RUNNING" if code is None else "SUCCEEDED" if code == 0 else "FAILED"

    def stop(self, name: str) -> bool:
        """False where it was over."""
        if self.status(name) not in ("PENDING", "RUNNING"):
            return False
        if self.deaf:
            return True
        if process := self._running.get(name):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._stopped.add(name)
        return True

    def forget(self) -> None:
        """A cluster that was started anew: its processes are gone, and what it knew."""
        self.deaf = False
        for name in list(self.taken):
            self.stop(name)
        self.taken.clear()
        self._running.clear()
        self._stopped.clear()
