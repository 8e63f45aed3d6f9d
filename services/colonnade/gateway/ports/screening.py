"""The ethics service, for who holds text back until it may go."""

from typing import Protocol

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.guarding import Side, Verdict
from colonnade.gateway.domain.models import Target


class Screening(Protocol):
    """Of one request: its input, and one of its answers. One policy holds for all of it."""

    async def screen(self, side: Side, text: str, *, last: bool = False, again: bool = False) -> Verdict:
        """What may be released once ``text`` was added. One call at a time.

        ``last``: no more comes on this side. ``again``: the output begins anew with ``text``.
        Raises what the service refuses with; ``Unavailable`` where it is away."""
        ...

    async def close(self) -> None:
        """Ends it; more than once does nothing."""
        ...


class Screener(Protocol):
    def open(self, caller: Caller, route: str, target: Target | None = None) -> Screening:
        """Nothing is sent before something is to be screened. ``route`` chooses the policy; ``target`` is
        the version that is asked."""
        ...
