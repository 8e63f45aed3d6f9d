"""A list of what goes on for a while: what is under way first, then what has ended."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeAlias, TypeVar

from nicegui import ui

from colonnade.client import AsyncColonnade
from colonnade.console.drawing import Cell, panel, table, text
from colonnade.console.live import Live, piece
from colonnade.console.visit import Visit

_EVERY_SECONDS = 2.0
_ENDED_EVERY = 5
"""Looks: what began and ended between two of them was never seen under way."""


class Named(Protocol):
    @property
    def id(self) -> str: ...


_T = TypeVar("_T", bound=Named)
Ask: TypeAlias = Callable[[AsyncColonnade], Awaitable[Sequence[_T]]]


@dataclass(frozen=True, slots=True)
class Course(Generic[_T]):
    """What goes on: how it is asked for, newest first, and how it is told."""

    going: Ask[_T]
    ended: Ask[_T]
    idle: str
    """Said where nothing is under way."""
    nothing: Callable[[], None]
    """Draws what stands on top where there is nothing at all."""
    card: Callable[[_T], Callable[[_T], None]]
    """Draws one that is under way, and returns what shows it as it is later."""
    caption: str
    """Of the table of those that have ended, as are the ``heads``, what stands in a ``row``, and the heads
    of what is never broken into lines."""
    heads: tuple[str, ...]
    row: Callable[[_T], Sequence[Cell]]
    whole: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen(Generic[_T]):
    going: Sequence[_T]
    ended: Sequence[_T]


class Looks(Generic[_T]):
    """What has ended is asked for where what is under way has changed, and now and then."""

    def __init__(self, course: Course[_T]) -> None:
        self._course = course
        self._ended: Sequence[_T] = ()
        self._known: set[str] = set()
        self._left = 0

    async def load(self, client: AsyncColonnade) -> Seen[_T]:
        going = await self._course.going(client)
        known = {each.id for each in going}
        if known != self._known or not self._left:
            self._ended = await self._course.ended(client)
            self._known, self._left = known, _ENDED_EVERY
        self._left -= 1
        return Seen(going, self._ended)


async def follow(visit: Visit, course: Course[_T]) -> None:
    """Draws the list, which keeps up by itself from then on."""
    live: Live[Seen[_T]] = Live(visit, Looks(course).load, lambda first: _build(course))
    await live.follow(_EVERY_SECONDS)
    text("p", f"Looked at every {_EVERY_SECONDS:.0f} seconds.", "muted")


def _build(course: Course[_T]) -> Callable[[Seen[_T]], None]:
    def draw_nothing(there_is_none: bool) -> None:
        if there_is_none:
            course.nothing()

    def draw_ended(ended: Sequence[_T]) -> None:
        if ended:
            with panel("Ended"):
                table(course.caption, course.heads, map(course.row, ended), whole=course.whole)

    nothing = piece(_is_empty, draw_nothing)
    with panel("Under way"):
        going = _Cards(course)
    ended = piece(_ended, draw_ended)

    def show(seen: Seen[_T]) -> None:
        nothing(seen)
        going.show(seen.going)
        ended(seen)

    return show


def _is_empty(seen: Seen[_T]) -> bool:
    return not seen.going and not seen.ended


def _ended(seen: Seen[_T]) -> Sequence[_T]:
    return seen.ended


class _Cards(Generic[_T]):
    """Each stays where it is while it goes on, so that whoever is at its link stays there."""

    def __init__(self, course: Course[_T]) -> None:
        self._card = course.card
        self._idle = text("p", course.idle, "muted")
        self._box = ui.element("div")
        self._shown: dict[str, tuple[ui.element, Callable[[_T], None]]] = {}

    def show(self, going: Sequence[_T]) -> None:
        self._idle.set_visibility(not going)
        for gone in set(self._shown) - {each.id for each in going}:
            self._shown.pop(gone)[0].delete()
        for each in reversed(going):
            if each.id not in self._shown:
                with self._box, ui.element("article").classes("alias") as box:
                    self._shown[each.id] = box, self._card(each)
                box.move(target_index=0)
            self._shown[each.id][1](each)
