"""The registry's process, which is killed and started again, and a connection to it."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from colonnade.rpc import Identity, Peer
from colonnade.security.identity import Principal, Role

SERVE = Path(__file__).parents[1] / "serve.py"
START_SECONDS = 60.0


class Registry:
    def __init__(self, home: Path, settings: Mapping[str, str]) -> None:
        self.home = home
        self._settings = settings
        identity = Identity("gateway", home / "identity")
        identity.principal = Principal("drill", "writer", frozenset({Role.ADMIN}))
        self.peer = Peer("registry", f"unix:{home}/run/registry.sock", identity)
        self._next = self._prepare()
        self._process = self._start()

    async def up(self) -> None:
        async with asyncio.timeout(START_SECONDS):
            await self.peer.channel.channel_ready()

    async def kill(self) -> None:
        """SIGKILL to the process alone: what it had started must notice by itself."""
        self._process.send_signal(signal.SIGKILL)
        await asyncio.to_thread(self._process.wait)
        self._process = self._start()

    async def close(self) -> None:
        await self.peer.close()
        self._next.kill()
        self._next.communicate()
        self._process.terminate()
        assert await asyncio.to_thread(self._process.wait, START_SECONDS) == 0

    def _start(self) -> "subprocess.Popen[bytes]":
        """Lets the next process go on, and prepares another, so that no kill waits for imports."""
        process, self._next = self._next, self._prepare()
        assert process.stdin is not None
        with process.stdin as go:
            go.write(b"go\n")
        return process

    def _prepare(self) -> "subprocess.Popen[bytes]":
        environment = {
            **os.environ, "COLONNADE_HOME": str(self.home), "COLONNADE_REGISTRY_METRICS_PORT": "0",
            **self._settings,
        }  # fmt: skip
        return subprocess.Popen([sys.executable, str(SERVE)], env=environment, stdin=subprocess.PIPE)
