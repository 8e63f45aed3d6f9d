"""Who asks versions about groups of people: the ethics service."""

from typing import Protocol

from colonnade.gateway.domain.bias import BiasReport, BiasReportPage, LiveBias, NewBiasReport
from colonnade.gateway.domain.exchange import Caller


class BiasBook(Protocol):
    """Raises what the ethics service refuses with; ``Unavailable`` where it is away."""

    async def begin(self, caller: Caller, new: NewBiasReport) -> BiasReport: ...

    async def get(self, caller: Caller, report_id: str) -> BiasReport: ...

    async def page(self, caller: Caller, model: str, limit: int, page: str) -> BiasReportPage:
        """Newest first; of every model where ``model`` is empty."""
        ...

    async def live(self, caller: Caller, hours: int) -> LiveBias:
        """Of a sample of the tenant's traffic, in so many hours back from now."""
        ...
