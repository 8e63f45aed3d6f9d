"""Reads documents from outside, each in a child process of its own, which is killed when it takes too much.

The child is started with ``subprocess`` and not by the event loop: uvloop forks, and the fork handlers that
gRPC installs in a serving process crash such a child; ``subprocess`` uses vfork.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, BinaryIO

from colonnade.errors import InvalidArgument
from colonnade.memory.adapters.reading.bounds import Bounds
from colonnade.memory.adapters.reading.pieces import Cut, pieces
from colonnade.memory.adapters.reading.refusals import refusal, unsupported
from colonnade.memory.domain.documents import MEDIA_TYPES, Piece, Read
from colonnade.security.inputs.sizes import MIB
from colonnade.telemetry import get_logger

_COMMAND = ("-P", "-s", "-B", "-m", "colonnade.memory.adapters.reading.child")
_MOST_HEAD = MIB
_LOG = get_logger(__name__)


class ChildReader:
    """Implements ``ports.Reader``."""

    def __init__(self, bounds: Bounds | None = None, cut: Cut | None = None, *, at_once: int = 2) -> None:
        """``at_once`` children read; other documents wait for them."""
        self._bounds, self._cut = bounds or Bounds(), cut or Cut()
        self._free = asyncio.Semaphore(at_once)

    async def read(self, content: bytes, media_type: str) -> Read:
        kind = media_type.partition(";")[0].strip().lower()
        if kind not in MEDIA_TYPES:
            raise unsupported()
        if not content:
            raise InvalidArgument("content must not be empty", field="content")
        async with self._free:
            answer = await self._answer(kind, content)
        return await asyncio.to_thread(_read, answer, self._bounds.characters)

    def pieces(self, text: Read, media_type: str) -> Sequence[Piece]:
        return pieces(text, media_type.partition(";")[0].strip().lower() == "text/markdown", self._cut)

    async def _answer(self, kind: str, content: bytes) -> bytes:
        """What the child has said, or what its end says."""
        with _file(content) as file:
            process = subprocess.Popen(  # noqa: ASYNC220, S603 - vfork takes milliseconds; the command is ours
                [sys.executable, *_COMMAND, kind, *self._bounds.numbers],
                env={},
                cwd="/",
                stdin=file,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        listening = asyncio.ensure_future(asyncio.to_thread(_listen, process, self._bounds))
        try:
            return await asyncio.shield(listening)
        finally:
            process.kill()  # who asked may have gone; of one that has ended this does nothing
            await asyncio.shield(asyncio.wait([listening]))


def _file(content: bytes) -> BinaryIO:
    """In memory where that can be: nothing of a document is on the disk before it is kept."""
    if hasattr(os, "memfd_create"):
        file: BinaryIO = os.fdopen(os.memfd_create("document"), "w+b")
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the child reads it
    file.write(content)
    file.flush()
    file.seek(0)
    return file


def _listen(process: "subprocess.Popen[bytes]", bounds: Bounds) -> bytes:
    most = 4 * bounds.characters + _MOST_HEAD
    timer = threading.Timer(bounds.seconds, process.kill)
    timer.start()
    try:
        with process:
            assert process.stdout is not None
            answer = process.stdout.read(most + 1)
            if len(answer) > most:
                process.kill()
    finally:
        timer.cancel()
    if process.returncode == 0 and len(answer) <= most:
        return answer
    _LOG.warning("a document was not read to its end", status=process.returncode)
    return b'{"refused": "damaged"}' if process.returncode == 1 else b'{"refused": "too much"}'


def _read(answer: bytes, characters: int) -> Read:
    """Nothing of it is believed: a document may have got the better of who read it."""
    head, _, body = answer.partition(b"\n")
    found = _head(head)
    if (word := found.get("refused")) is not None:
        raise refusal(str(word), characters)
    text, pages = body.decode(errors="replace"), found.get("pages")
    if not (isinstance(pages, list) and all(type(each) is int for each in pages)):
        raise refusal("", characters)
    if len(text) > characters or pages != sorted(pages) or not all(0 <= each <= len(text) for each in pages):
        raise refusal("", characters)
    return Read(text, tuple(pages))


def _head(line: bytes) -> dict[str, Any]:
    with suppress(ValueError):
        found = json.loads(line)
        if isinstance(found, dict):
            return found
    return {"refused": ""}
