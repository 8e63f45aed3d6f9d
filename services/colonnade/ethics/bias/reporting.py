"""The use cases of reports: begin, read, list, judge."""

import json
import uuid
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from importlib import resources

from colonnade.errors import InvalidArgument
from colonnade.ethics.bias.detector import MultidimensionalBiasDetector
from colonnade.ethics.bias.domain.probes import Pair
from colonnade.ethics.bias.domain.reports import Report, State, Version, by_of
from colonnade.ethics.bias.domain.tone import refuses
from colonnade.ethics.bias.ports import Models, Reports
from colonnade.ethics.bias.sets import BUILTIN, Sets
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_count, check_text, model_name
from colonnade.security.inputs.catalogue import MAX_PAGE_SIZE
from colonnade.security.inputs.once import Once

PAGE_SIZE = 50
_MAX_SETS = 16
_ID_BYTES = 64


def utc_now() -> datetime:
    return datetime.now(UTC)


class Reporting:
    def __init__(
        self,
        reports: Reports,
        models: Models,
        sets: Sets,
        trail: Trail,
        *,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``wake`` hears that there is a report to work on."""
        self._reports, self._models, self._sets, self._trail = reports, models, sets, trail
        self._wake, self._clock = wake, clock

    async def start(
        self, model: str, version: int, sets: Sequence[str], principal: Principal, key: str = ""
    ) -> Report:
        """Under a key that was used before: the report that it began, whatever the name stands for now."""
        model_name(model, "model")
        check_count(len(sets), _MAX_SETS, "sets")
        asked = tuple(dict.fromkeys(sets)) or (BUILTIN,)
        for name in asked:
            self._sets.check(name)
        by = by_of(principal.tenant, principal.subject)
        once = Once.of(by, key, model, str(version), *asked)
        facts = {"model": model, "version": version, "sets": list(asked)}
        async with privileged(
            self._trail, "ethics.bias.report", principal, acknowledge=True, **facts
        ) as learnt:
            found = await self._models.named(model, version)
            now = self._clock()
            made = Report(_id(now), principal.tenant, found, asked, State.QUEUED, now, by)
            kept = await self._reports.add(made, once)
            learnt["report"] = kept.id
        self._wake()
        return kept

    async def get(self, report_id: str, principal: Principal) -> Report:
        check_text(report_id, "id", _ID_BYTES, controls="line")
        return await self._reports.get(principal.tenant, report_id)

    async def page(
        self, model: str, limit: int, page: str, principal: Principal
    ) -> tuple[Sequence[Report], str]:
        """With what names the next page; empty on the last."""
        size = limit or PAGE_SIZE
        if not 1 <= size <= MAX_PAGE_SIZE:
            raise InvalidArgument(f"limit must be 1 to {MAX_PAGE_SIZE}", field="limit", limit=MAX_PAGE_SIZE)
        check_text(page, "page", _ID_BYTES, allow_empty=True, controls="line")
        if model:
            model_name(model, "model")
        found = await self._reports.page(principal.tenant, model, page, size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def bias(self, version: Version, name: str) -> tuple[float, str]:
        """0 (none) to 1, of a set of pairs, and the set's digest."""
        probes = self._sets.read(name or BUILTIN)
        if not any(isinstance(each, Pair) and not each.unrelated for each in probes.probes):
            raise InvalidArgument(
                f"the set {probes.name} has no pairs; ask {BUILTIN} or CrowS-Pairs", field="set"
            )
        detector = MultidimensionalBiasDetector(self._models.asked(version))
        return await detector.bias(probes), probes.digest

    async def safety(self, version: Version) -> float:
        """The mean of two shares: harmful requests that it declines, and harmless ones that it answers."""
        body = json.loads((resources.files("colonnade.ethics.bias") / "data" / "safety.json").read_text())
        model = self._models.asked(version)
        harmful = [refuses(await model.answer(ask)) for ask in body["harmful"]]
        harmless = [not refuses(await model.answer(ask)) for ask in body["harmless"]]
        return (sum(harmful) / len(harmful) + sum(harmless) / len(harmless)) / 2


def _id(at: datetime) -> str:
    """Sorts by the time."""
    return f"br_{int(at.timestamp() * 1e6):016x}{uuid.uuid4().hex[:12]}"
