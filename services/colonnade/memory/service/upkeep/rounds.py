"""Round after round through all scopes, a few at a time."""

from collections.abc import Sequence

from colonnade.memory.domain.scope import Scope
from colonnade.memory.ports import MemoryStore

_SCOPES = 50


class Rounds:
    def __init__(self, store: MemoryStore, scopes: int = _SCOPES) -> None:
        self._store, self._scopes = store, scopes
        self._after: Scope | None = None
        self._found: Sequence[Scope] = ()

    async def next(self) -> Sequence[Scope]:
        """The next people's scopes. Call ``passed`` when they are done with, or get them again."""
        self._found = await self._store.scopes(after=self._after, limit=self._scopes)
        return [scope for scope in self._found if scope.subject]

    def passed(self) -> bool:
        """Whether the round has more of them; if not, the next one begins anew."""
        more = len(self._found) == self._scopes
        self._after = self._found[-1] if more else None
        return more
