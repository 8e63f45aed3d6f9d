"""Random words that are planted for one person, and looked for in everything that a platform keeps."""

import base64
import gzip
import random
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from io import BytesIO
from pathlib import Path

import psycopg
from redis import Redis

_LETTERS = "bcdfghjklmnpqrstvwxz"
"""No stemmer takes them for endings, and no vocabulary has them together."""
_CONTEXT = 40


class Canaries:
    """Draws a word a door. All of them begin alike, so that a file is searched for one beginning."""

    def __init__(self, chance: random.Random) -> None:
        self._chance, self.words = chance, dict[str, str]()
        self._mark = self._drawn(10)
        self._forms = _forms(self._mark)

    def __call__(self, door: str) -> str:
        if door not in self.words:
            self.words[door] = self._mark + self._drawn(8)
        return self.words[door]

    def said(self, door: str) -> str:
        return f"My word is {self(door)}, remember it."

    def finds(self, places: Mapping[str, bytes] | Iterable[tuple[str, bytes]]) -> list[str]:
        """Where something of any of them is, with what stands around it."""
        pairs = places.items() if isinstance(places, Mapping) else places
        return [
            f"{name}: {form} at {at}: {content[max(0, at - _CONTEXT) : at + _CONTEXT]!r}"
            for name, content in pairs
            for form, wanted in self._forms.items()
            if (at := content.find(wanted)) >= 0
        ]

    def missing(self, places: Iterable[tuple[str, bytes]], doors: Iterable[str]) -> list[str]:
        """Doors of which nothing is found as it was said."""
        left = {door: self.words[door].encode() for door in doors}
        for _, content in places:
            left = {door: word for door, word in left.items() if word not in content}
        return sorted(left)

    def _drawn(self, length: int) -> str:
        return "".join(self._chance.choices(_LETTERS, k=length))


def files(home: Path) -> Iterator[tuple[str, bytes]]:
    """Every file below a folder, with its name, and what archives unpack to."""
    for path in sorted(home.rglob("*")):
        if not path.is_file() or path.is_symlink():
            continue
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue
        name = str(path.relative_to(home))
        yield name, name.encode() + b"\n" + content
        yield from ((f"{name} unpacked", each) for each in _unpacked(content))


def tables(url: str) -> Iterator[tuple[str, bytes]]:
    """All rows of a PostgreSQL database as it copies them out; bytes as hexadecimal digits."""
    with psycopg.connect(url, autocommit=True) as connection:
        names = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (name,) in names:
            with connection.cursor().copy(f'COPY "{name}" TO STDOUT'.encode()) as rows:
                yield f"table {name}", b"".join(bytes(row) for row in rows)


def keys(url: str) -> Iterator[tuple[str, bytes]]:
    """All keys of a Valkey, and their values."""
    with Redis.from_url(url) as server:
        for key in server.scan_iter():
            read = {b"string": server.get, b"hash": server.hgetall, b"set": server.smembers}
            kind = server.type(key)
            value = server.zrange(key, 0, -1) if kind == b"zset" else read[kind](key)
            whole = value if isinstance(value, bytes) else repr(value).encode()
            yield f"key {key!r}", bytes(key) + b"\n" + whole


def _forms(word: str) -> dict[str, bytes]:
    plain = word.encode()
    found = {"as it is": plain, "hexadecimal": plain.hex().encode(), "backwards": plain[::-1]}
    found |= {name: word.encode(name) for name in ("utf-16-le", "utf-16-be", "utf-32-le")}
    for before in range(3):  # Base64 of what begins so many bytes after a group of three
        coded = base64.b64encode(b"\0" * before + plain).decode()
        first, last = -(-8 * before // 6), 8 * (before + len(plain)) // 6  # what its bits alone decide
        found[f"base64 after {before}"] = coded[first:last].encode()
    return found


def _unpacked(content: bytes) -> Iterator[bytes]:
    if content.startswith(b"\x1f\x8b"):
        yield gzip.decompress(content)
    if content.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(BytesIO(content)) as archive:
            yield from (archive.read(each) for each in archive.namelist())
    assert not content.startswith(b"\x28\xb5\x2f\xfd"), "nobody looks into Zstandard here"
