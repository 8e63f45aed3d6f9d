"""What a batch's input file must be: a JSON object a line, each a request to the batch's endpoint."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.batches import MAX_CUSTOM_ID, MAX_ERRORS, BatchError, Line
from colonnade.gateway.service.batches.bounds import Bounds
from colonnade.security.inputs import JsonLimits, check_text, parse_object

_METHOD = "POST"


class Validation:
    """Looks at lines one after another; finds at most ``MAX_ERRORS`` mistakes."""

    def __init__(self, endpoint: str, bounds: Bounds) -> None:
        self._endpoint = endpoint
        self._bounds = bounds
        self._ids: set[str] = set()
        self.errors: list[BatchError] = []
        self.lines = 0

    async def check(self, blocks: AsyncIterator[Sequence[tuple[int, bytes]]]) -> None:
        """The whole file, in a thread: parsing it takes a while."""
        async for block in blocks:
            await asyncio.to_thread(self._check_block, block)
            if len(self.errors) >= MAX_ERRORS or self.lines > self._bounds.lines:
                break
        if not self.lines and not self.errors:
            self._find("empty_file", "the input file has no lines; write one request a line")
        if self.lines > self._bounds.lines:
            self._find(
                "too_many_lines",
                f"a batch may have at most {self._bounds.lines} lines; split the file",
            )

    def _check_block(self, block: Sequence[tuple[int, bytes]]) -> None:
        for number, raw in block:
            if len(self.errors) >= MAX_ERRORS:
                return
            if not is_blank(raw):
                self.lines += 1
                self._check_line(number, raw)

    def _check_line(self, number: int, raw: bytes) -> None:
        try:
            line = parsed(raw, self._bounds)
        except ColonnadeError as error:
            self._find("invalid_json_line", error.message.replace("(line 1, ", "("), number)
            return
        self._check_custom_id(number, line)
        if line.get("method") != _METHOD:
            self._find("invalid_method", f"method must be {_METHOD}", number, "method")
        if line.get("url") != self._endpoint:
            self._find("mismatched_url", f"url must be {self._endpoint}, the batch's endpoint", number, "url")
        body = line.get("body")
        if not isinstance(body, dict):
            self._find("invalid_body", "body must be an object", number, "body")
        elif body.get("stream"):
            self._find(
                "stream_unsupported", "a batch has no streams; leave stream out", number, "body.stream"
            )

    def _check_custom_id(self, number: int, line: Mapping[str, Any]) -> None:
        try:
            custom_id = check_text(line.get("custom_id"), "custom_id", MAX_CUSTOM_ID)
        except ColonnadeError as error:
            self._find("invalid_custom_id", error.message, number, "custom_id")
            return
        if custom_id in self._ids:
            self._find(
                "duplicate_custom_id",
                "custom_id was used in a line before; make it unique",
                number,
                "custom_id",
            )
        self._ids.add(custom_id)

    def _find(self, code: str, message: str, line: int | None = None, param: str | None = None) -> None:
        if len(self.errors) < MAX_ERRORS:
            self.errors.append(BatchError(code, message, line, param))


def is_blank(raw: bytes) -> bool:
    """Nothing is asked in it: the end of a file, most often."""
    return not raw.strip()


def parsed(raw: bytes, bounds: Bounds) -> Mapping[str, Any]:
    """A line as an object, as strictly as a body over HTTP."""
    return parse_object(raw.rstrip(b"\r\n"), JsonLimits(max_bytes=bounds.line_bytes), "line")


def line_of(number: int, raw: bytes, bounds: Bounds) -> Line:
    """Of a file that was found to be right."""
    return Line(number, str(parsed(raw, bounds)["custom_id"]), raw)
