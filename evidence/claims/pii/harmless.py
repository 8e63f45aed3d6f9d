"""Texts without personal data, full of what looks like it: numbers, versions, dates, codes."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from evidence.claims.guard.published import NEWS, QUESTIONS, harmless
from evidence.claims.pii.text import Text

EACH = 40
"""Of each kind of sentence."""


def numbers(seed: int) -> dict[str, list[Text]]:
    """By what they are."""
    chance = Random(seed)
    return {name: [Text(made(chance)) for _ in range(EACH)] for name, made in _KINDS.items()}


def prose() -> dict[str, list[Text]]:
    """News and questions that people wrote; who is in the news is named, but not how to reach them."""
    return {
        name: [Text(item.text) for item in harmless() if item.source == name][:MOST_PROSE]
        for name in (NEWS, QUESTIONS)
    }


MOST_PROSE = 200


def _digits(chance: Random, count: int) -> str:
    return "".join(chance.choice("0123456789") for _ in range(count))


def _of(chance: Random, alphabet: str, count: int) -> str:
    return "".join(chance.choice(alphabet) for _ in range(count))


def _when(chance: Random) -> datetime:
    return datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randrange(10**9))


def _version(chance: Random) -> str:
    parts = [str(chance.randrange(30)) for _ in range(chance.choice((2, 3, 3, 4)))]
    return f"Version {'.'.join(parts)} mends the crash of {chance.randrange(1, 9)}.{chance.randrange(20)}.x."


def _date(chance: Random) -> str:
    when = _when(chance)
    form = chance.choice(
        ("%Y-%m-%d %H:%M:%S", "%d/%m/%Y", "%d.%m.%Y %H:%M", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%SZ")
    )
    return f"The job ran on {when.strftime(form)} and took {chance.randrange(100)} s."


def _price(chance: Random) -> str:
    price = f"{chance.choice('$€£')}{chance.randrange(10**7):,}.{_digits(chance, 2)}"
    return f"It cost {price} for {chance.randrange(9000)} pieces."


def _order(chance: Random) -> str:
    count = chance.choice((8, 10, 12, 14, 16))
    order, parcel = _digits(chance, count), f"{_digits(chance, 3)}-{_digits(chance, 7)}"
    return f"Order {order} has left our warehouse, parcel {parcel}."


def _isbn(chance: Random) -> str:
    a, b = chance.randrange(10, 99), chance.randrange(100, 999)
    return f"ISBN 978-{chance.randrange(6)}-{a}-{b}{_digits(chance, 3)}-{chance.randrange(10)}, {b} pages."


def _digest(chance: Random) -> str:
    return f"commit {_of(chance, '0123456789abcdef', 40)}, built as {_of(chance, '0123456789abcdef', 12)}"


def _uuid(chance: Random) -> str:
    parts = (_of(chance, "0123456789abcdef", count) for count in (8, 4, 4, 4, 12))
    return f"request {'-'.join(parts)} answered {chance.choice((200, 204, 400, 503))}"


def _measure(chance: Random) -> str:
    pi, low, high = (_digits(chance, count) for count in (15, 3, 4))
    return f"pi is 3.{pi} to us; the range is {low} - {high} ({chance.randrange(100)} %)"


def _position(chance: Random) -> str:
    place = f"{chance.uniform(-90, 90):.6f}, {chance.uniform(-180, 180):.6f}"
    return f"It lies at {place}, {chance.randrange(4000)} m up."


def _table(chance: Random) -> str:
    rows = (" ".join(str(chance.randrange(10 ** chance.randrange(1, 6))) for _ in range(6)) for _ in range(3))
    return "\n".join(rows)


def _code(chance: Random) -> str:
    letters, word = _of(chance, "ABCDEFabcdef", chance.randrange(1, 5)), _of(chance, "abcdefghij", 5)
    low, high, number = chance.randrange(99), chance.randrange(99), _of(chance, "0123456789ABCDEF", 8)
    return f"{letters}::{word}(x[{low}:{high}], @decorated, user@host, 0x{number})"


def _part(chance: Random) -> str:
    letters, more = _of(chance, "ABCDEFGHKLMNPRST", 2), _of(chance, "ABCDEFGHKLMNPRST0123456789", 4)
    first, second, third = (_digits(chance, count) for count in (2, 4, 4))
    return f"Part {letters}{first} {more} {second} {third} is out of stock."


def _score(chance: Random) -> str:
    score, years = f"{chance.randrange(10)}-{chance.randrange(10)}", f"{chance.randrange(1900, 2030)}-07"
    pages, people = f"{_digits(chance, 3)}-{_digits(chance, 2)}", _digits(chance, 5)
    return f"They won {score} in {years}, as in {pages} before {people} people."


_KINDS: dict[str, Callable[[Random], str]] = {
    "versions": _version,
    "dates and times": _date,
    "prices": _price,
    "orders and parcels": _order,
    "books": _isbn,
    "digests": _digest,
    "identifiers": _uuid,
    "measures": _measure,
    "positions": _position,
    "tables": _table,
    "code": _code,
    "parts": _part,
    "results": _score,
}


def every(seed: int) -> Sequence[tuple[str, list[Text]]]:
    return [*numbers(seed).items(), *prose().items()]
