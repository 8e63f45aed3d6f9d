"""A registry that is looked after."""

from collections.abc import AsyncGenerator
from datetime import UTC, datetime

from colonnade.errors import ColonnadeError
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.upkeep import BackedUp, Collected

AT = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


class FakeUpkeep:
    """Implements ``ports.upkeep.RegistryUpkeep``."""

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.failure: ColonnadeError | None = None

    async def collect(self, caller: Caller, *, dry_run: bool) -> AsyncGenerator[Collected, None]:
        self.asked.append(("collect", dry_run))
        yield Collected(3, 0, 0, 1, done=False)
        if self.failure:
            raise self.failure
        yield Collected(3, 2, 80, 1, done=True)

    async def back_up(self, caller: Caller, to: str, keep: int) -> AsyncGenerator[BackedUp, None]:
        self.asked.append(("back_up", to, keep))
        yield BackedUp("records", 0.0, 0, 0, 0, 0, "", "", None)
        if self.failure:
            raise self.failure
        yield BackedUp("done", 1.0, 2, 80, 5, 1, "20300102T030405.000000Z", "sha256:d", AT)
