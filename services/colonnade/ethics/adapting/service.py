"""The use cases of adaptations: begin, read, list, cancel, show the pairs, erase."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from colonnade.errors import InvalidArgument
from colonnade.ethics.adapting.domain.adaptations import Adaptation, Asker, State
from colonnade.ethics.adapting.domain.pairs import Pair
from colonnade.ethics.adapting.domain.plans import Plan
from colonnade.ethics.adapting.ports import Adaptations, Rewards, Rows, Training, Writers
from colonnade.ethics.adapting.stages import PAIR, pairs_of
from colonnade.ethics.bias.domain.reports import by_of
from colonnade.ethics.bias.reporting import utc_now
from colonnade.ethics.feedback.collecting import checked_id, new_id, page_of, subject_of
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_text, model_name
from colonnade.security.inputs.once import Once

_PAIRS = 100
_PIECE_BYTES = 160


class Adapting:
    def __init__(
        self,
        store: Adaptations,
        writers: Writers,
        rewards: Rewards,
        rows: Rows,
        training: Training,
        trail: Trail,
        *,
        wake: Callable[[], None] = lambda: None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """``wake`` hears that there is an adaptation to work on."""
        self._store, self._writers, self._rewards = store, writers, rewards
        self._rows, self._training, self._trail = rows, training, trail
        self._wake, self._clock = wake, clock

    async def start(self, plan: Plan, principal: Principal, key: str = "") -> Adaptation:
        """Under a key that was used before: the adaptation that it began, whatever the name stands for now.

        ``Unsupported`` where training has no place to read from; ``NotFound`` for a model, or a reward model,
        that is not there."""
        self._rows.check()
        roles = tuple(sorted(each.value for each in principal.roles))
        asker = Asker(principal.tenant, subject_of(principal), roles)
        once = Once.of(by_of(asker.tenant, asker.subject), key, repr(plan))
        facts = {"model": plan.model, "version": plan.version, "sources": [*map(str, plan.sources)]}
        async with privileged(self._trail, "ethics.adapt", principal, acknowledge=True, **facts) as learnt:
            if plan.reward_model:
                await self._rewards.check(plan.reward_model, asker)
            version, now = await self._writers.named(plan.model, plan.version), self._clock()
            made = Adaptation(new_id("ad", now), plan, version, now, asker, asker.tenant)
            kept = await self._store.add(made, once)
            learnt["adaptation"] = kept.id
        self._wake()
        return kept

    async def get(self, adaptation_id: str, principal: Principal) -> Adaptation:
        return await self._store.get(principal.tenant, checked_id(adaptation_id))

    async def page(
        self, model: str, limit: int, page: str, principal: Principal
    ) -> tuple[Sequence[Adaptation], str]:
        """Newest first, with what names the next page; empty on the last."""
        size, before = page_of(limit, page)
        if model:
            model_name(model, "model")
        found = await self._store.page(principal.tenant, model, before, size + 1)
        return found[:size], found[size - 1].id if len(found) > size else ""

    async def cancel(self, adaptation_id: str, principal: Principal) -> Adaptation:
        """With its training job. Safe to repeat, which is what to do where the training service is away."""
        checked_id(adaptation_id)
        async with privileged(
            self._trail, "ethics.adapt.cancel", principal, acknowledge=True, adaptation=adaptation_id
        ):
            ended = await self._store.cancel(principal.tenant, adaptation_id, self._clock())
            await self._forget(ended.id)
            if ended.job and ended.adapted is None:
                roles = tuple(sorted(each.value for each in principal.roles))
                who = Asker(principal.tenant, principal.subject, roles)
                await self._training.cancel(who, ended.job, f"the adaptation {ended.id} was cancelled")
        return ended

    async def pairs(
        self, adaptation_id: str, limit: int, page: str, principal: Principal
    ) -> tuple[Sequence[Pair], str]:
        """Those that were made of ``limit`` prompts, and what names the next page. What people's feedback
        comes to is not kept here: feedback has it."""
        size, _ = page_of(limit or _PAIRS, "")
        check_text(page, "page", _PIECE_BYTES, allow_empty=True, controls="line")
        if page and not page.startswith(PAIR):
            raise InvalidArgument("page must be what came with the answer before", field="page")
        found = await self.get(adaptation_id, principal)
        pieces = await self._store.pieces(found.id, page or PAIR, size + 1)
        names = [each for each in pieces if each.startswith(PAIR)]
        shown = names[:size]
        more = shown[-1] if len(names) > size else ""
        return pairs_of({name: pieces[name] for name in shown}), more

    async def erase(self, tenant: str, subject: str) -> Mapping[str, int]:
        """Rows with the subject's feedback go: training that has not read them fails. What the subject asked
        for ends, and its prompts and pairs go. Safe to repeat."""
        gone = 0
        for each in await self._store.given(tenant, subject):
            gone += await self._forget(each)
        for begun in await self._store.begun_by(tenant, subject):
            gone += await self._forget(begun.id)
            if begun.asker and begun.job and begun.state is State.TRAINING:
                await self._training.cancel(begun.asker, begun.job, "whoever asked for it is erased")
        counts = await self._store.erase(tenant, subject, self._clock())
        return {**counts, "adaptation_rows": gone}

    async def _forget(self, adaptation_id: str) -> bool:
        """The texts before what says whose they are."""
        there = await self._rows.remove(adaptation_id)
        await self._store.ungiven(adaptation_id)
        return there
