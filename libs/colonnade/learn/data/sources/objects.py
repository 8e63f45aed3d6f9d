"""Files in an object store (S3, Google Cloud Storage, Azure), read in pieces and never whole.

Credentials, region and endpoint come from where every client of the store looks for them (``AWS_*`` ...).
Each piece is asked for with the entity tag that the listing gave, so an object that is replaced meanwhile is
noticed.
"""

import io
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from typing import Any, BinaryIO, cast

from colonnade.errors import InvalidArgument, Unavailable, Unsupported
from colonnade.learn.data.sources.files import changed, fixed_part, no_match

_PIECE_BYTES = 4 << 20
_RETRIES = 3
_RETRY_SECONDS = 30
_URL = re.compile(r"(?P<place>(?:s3|gs|az)://[^/?#@]+)/(?P<key>[^#]+)")


def is_url(path: str) -> bool:
    return "://" in path


@dataclass(frozen=True, slots=True)
class ObjectFile:
    name: str = field(compare=False)
    place: str
    key: str
    size: int
    tag: str | None
    source: str
    store: Any = field(compare=False, repr=False)

    def open(self) -> BinaryIO:
        raw = cast("io.RawIOBase", _Pieces(self))
        return io.BufferedReader(raw, _PIECE_BYTES)

    def piece(self, start: int, end: int) -> bytes:
        import obstore
        from obstore.exceptions import PreconditionError

        options: dict[str, Any] = {"range": (start, end)}
        if self.tag is not None:
            options["if_match"] = self.tag
        with _refusals(self.source):
            try:
                return bytes(obstore.get(self.store, self.key, options=cast("Any", options)).bytes())
            except PreconditionError:
                raise changed(self.source, self.name) from None


def object_files(source: str, number: int, url: str) -> list[ObjectFile]:
    """The objects that a URL with wildcards names, by their keys' code points."""
    parts = _URL.fullmatch(url)
    if parts is None:
        raise InvalidArgument(
            f"source {source}: paths[{number}] must be s3://bucket/key, gs://bucket/key or az://container/key;"
            " credentials are told by the environment",
            field="paths",
            source=source,
        )
    place, pattern = parts["place"], parts["key"]
    root, wanted = fixed_part(pattern), pattern.split("/")
    store = _store(place)
    found = [
        ObjectFile(key[len(root) :], place, key, size, tag, source, store)
        for key, size, tag in _listed(source, store, root)
        if key == pattern or matches(key.split("/"), wanted)
    ]
    if not found:
        raise no_match(source, number)
    return sorted(found, key=lambda file: file.name)


def _listed(source: str, store: Any, root: str) -> Iterator[tuple[str, int, str | None]]:
    import obstore

    with _refusals(source):
        for page in obstore.list(store, root.rstrip("/") or None):
            for entry in page:
                yield entry["path"], entry["size"], entry["e_tag"]


def matches(names: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path is one of a glob's, both by their parts, as ``glob`` sees it on a disk: ``**`` goes
    through folders, and only what begins with a dot names what does."""
    if not pattern or not names:
        return not pattern and not names
    if pattern[0] == "**":
        shown = next((at for at, name in enumerate(names) if name.startswith(".")), len(names))
        return any(matches(names[at:], pattern[1:]) for at in range(shown + 1))
    return (
        fnmatchcase(names[0], pattern[0])
        and (pattern[0].startswith(".") or not names[0].startswith("."))
        and matches(names[1:], pattern[1:])
    )


def _store(place: str) -> Any:
    try:
        from obstore.store import from_url
    except ModuleNotFoundError as error:
        raise Unsupported(
            "files in an object store need a package that is not installed; `pip install obstore`",
            field="paths",
        ) from error
    return from_url(
        place,
        retry_config={"max_retries": _RETRIES, "retry_timeout": timedelta(seconds=_RETRY_SECONDS)},
        # Plain HTTP only where the endpoint says so.
        client_options={"connect_timeout": "5s", "timeout": "60s", "allow_http": True},
    )


class _Pieces(io.RawIOBase):
    """An object as a file that can be sought in."""

    def __init__(self, file: ObjectFile) -> None:
        self._file, self._at = file, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._at = max(
            0, offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        )
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._file.size, self._at + min(len(buffer), _PIECE_BYTES))
        if end <= self._at:
            return 0
        piece = self._file.piece(self._at, end)
        buffer[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)


@contextmanager
def _refusals(source: str) -> Iterator[None]:
    from obstore.exceptions import BaseError, NotFoundError

    try:
        yield
    except (NotFoundError, FileNotFoundError):
        raise changed(source, "an object") from None
    except BaseError as error:
        raise Unavailable(
            f"source {source}: the object store cannot be reached or does not let us in; look at"
            " AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID and the like, then start again: what was prepared stays",
            source=source,
            retry_after_seconds=2,
        ) from error
