"""Overwrites what was erased, soon after it was: once at the start too, for what a killed service left."""

from collections.abc import Awaitable, Callable


class Tidying:
    def __init__(self, tidy: Callable[[], Awaitable[None]]) -> None:
        self._tidy, self._due = tidy, True

    def removed(self) -> None:
        self._due = True

    async def turn(self) -> bool:
        if self._due:
            self._due = False
            try:
                await self._tidy()
            except BaseException:
                self._due = True
                raise
        return False
