"""A form with one file, read as it arrives: the file is never held, nor written but to where it stays."""

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import Request
from starlette.types import Receive

from colonnade.errors import InvalidArgument, TooLarge, Unsupported
from colonnade.gateway.domain.files import Purpose
from colonnade.gateway.http.errors import ClientGone, TooSlow, UnsupportedMediaType
from colonnade.gateway.http.options import HttpOptions
from colonnade.security.inputs import check_text, decoded

_FORM_BYTES = 64 * 1024
"""Of all that is not the file."""
_FIELD_BYTES = 1024
_NAME_BYTES = 255
_LACKING = "expires_after"


class Upload:
    """``purpose`` and ``filename`` are known, and right, once all ``chunks`` were read."""

    def __init__(self, request: Request, options: HttpOptions) -> None:
        self._receive = request.receive
        self._options = options
        self._parser = MultipartParser(
            _boundary(request.headers),
            {
                "on_part_begin": self._part_begin,
                "on_header_field": self._header_field,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_finished,
                "on_part_data": self._part_data,
                "on_part_end": self._part_end,
                "on_end": self._end,
            },
        )
        _check_length(request.headers.get("content-length", "0"), options.max_file_bytes + _FORM_BYTES)
        self._header, self._value = bytearray(), bytearray()
        self._disposition = b""
        self._field = ""
        """Of the part that is being read; empty in the file."""
        self._data, self._text = bytearray(), bytearray()
        self._fields: dict[str, str] = {}
        self._filename: str | None = None
        self._ended = False

    @property
    def filename(self) -> str:
        if self._filename is None:
            raise InvalidArgument(
                "file is required; send the form's field file with a file in it", field="file"
            )
        return self._filename

    @property
    def purpose(self) -> Purpose:
        if "purpose" not in self._fields:
            raise InvalidArgument("purpose is required; send batch", field="purpose")
        return Purpose(self._fields["purpose"])

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        async for received in _arriving(self._receive, self._options):
            self._feed(received)
            if self._data:
                yield bytes(self._data)
                self._data.clear()
        if not self._ended:
            raise InvalidArgument("the form ends before its last boundary; send it whole", field="body")

    def _feed(self, received: bytes) -> None:
        try:
            self._parser.write(received)
        except FormParserError:
            raise InvalidArgument("the body is not a valid multipart form", field="body") from None

    def _part_begin(self) -> None:
        self._disposition = b""
        self._text.clear()

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._field = decoded(options.get(b"name", b""), "the name of a field")
        if self._field == "file" and b"filename" in options:
            self._begin_file(decoded(options[b"filename"], "filename"))
        elif self._field.startswith(_LACKING):
            raise Unsupported("expires_after is not supported; delete files you need no more", field=_LACKING)
        elif self._field != "purpose" or self._field in self._fields:
            raise InvalidArgument(
                "the form has the fields purpose and file, once each, and file is a file", field="body"
            )

    def _begin_file(self, name: str) -> None:
        if self._filename is not None:
            raise InvalidArgument(
                "the form has more than one file; send them one by one", field="file", limit=1
            )
        base = name.replace("\\", "/").rpartition("/")[2]
        self._filename = check_text(base, "filename", _NAME_BYTES, controls="line")
        self._field = ""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if not self._field:
            self._data += data[start:end]
            return
        self._text += data[start:end]
        if len(self._text) > _FIELD_BYTES:
            raise TooLarge(
                f"{self._field} may have at most {_FIELD_BYTES} bytes", field=self._field, limit=_FIELD_BYTES
            )

    def _part_end(self) -> None:
        if not self._field:
            return
        if self._text != Purpose.BATCH.encode():
            raise InvalidArgument("purpose must be batch: files are for batches here", field="purpose")
        self._fields[self._field] = Purpose.BATCH

    def _end(self) -> None:
        self._ended = True


def _boundary(headers: Mapping[str, str]) -> bytes:
    if headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaType(
            "content-encoding must be identity: send the body uncompressed",
            field="content-encoding",
            limit="identity",
        )
    kind, options = parse_options_header(headers.get("content-type", ""))
    boundary = options.get(b"boundary", b"")
    if kind != b"multipart/form-data" or not 1 <= len(boundary) <= 70:
        raise UnsupportedMediaType(
            "content-type must be multipart/form-data with a boundary",
            field="content-type",
            limit="multipart/form-data",
        )
    return boundary


async def _arriving(receive: Receive, options: HttpOptions) -> AsyncGenerator[bytes, None]:
    end, size, most = time.monotonic() + options.upload_seconds, 0, options.max_file_bytes + _FORM_BYTES
    more = True
    while more:
        try:
            async with asyncio.timeout(end - time.monotonic()):
                message = await receive()
        except TimeoutError:
            raise TooSlow(
                f"the file did not arrive within {options.upload_seconds:g} seconds",
                field="body",
                limit=options.upload_seconds,
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        received = message.get("body", b"")
        size += len(received)
        if size > most:
            raise _too_large(options.max_file_bytes)
        yield received
        more = message.get("more_body", False)


def _check_length(length: str, most: int) -> None:
    if not (length.isascii() and length.isdigit()):
        raise InvalidArgument("content-length must be a number", field="content-length")
    if len(length) > 18 or int(length) > most:
        raise _too_large(most - _FORM_BYTES)


def _too_large(limit: int) -> TooLarge:
    return TooLarge(f"a file may have at most {limit} bytes; split it", field="file", limit=limit)
