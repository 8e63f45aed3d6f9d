"""Rollouts: looked at by many, begun and changed by few, and those acts recorded."""

from collections.abc import Callable, Sequence

from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.rollouts import Policy, Rollout, RolloutOrder, RolloutPage
from colonnade.gateway.ports import Audit, RolloutBook
from colonnade.security.audit import privileged


class Rollouts:
    def __init__(self, book: RolloutBook, audit: Audit, moved: Callable[[], None] = lambda: None) -> None:
        """``moved`` hears that a reference may mean another version now."""
        self._book, self._audit, self._moved = book, audit, moved

    async def start(self, caller: Caller, order: RolloutOrder) -> Rollout:
        facts = {
            "model": order.model,
            "version": order.version,
            "alias": order.alias,
            "policy": order.policy,
            "why": order.why,
            "request_id": caller.request_id,
        }
        async with privileged(self._audit, "rollout.start", caller.principal, acknowledge=False, **facts):
            begun = await self._book.start(caller, order)
            self._moved()
            return begun

    async def get(self, caller: Caller, rollout_id: str) -> Rollout:
        """With its events, and what was seen since its state, or its step, began."""
        return await self._book.get(caller, rollout_id)

    async def page(
        self, caller: Caller, model: str, under_way: bool, page_size: int, page_token: str
    ) -> RolloutPage:
        return await self._book.page(caller, model, under_way, page_size, page_token)

    async def change(
        self, caller: Caller, rollout_id: str, act: str, why: str, revision: int | None
    ) -> Rollout:
        facts = {"rollout": rollout_id, "why": why, "request_id": caller.request_id}
        async with privileged(self._audit, f"rollout.{act}", caller.principal, acknowledge=False, **facts):
            changed = await self._book.change(caller, rollout_id, act, why, revision)
            self._moved()
            return changed

    async def policies(self, caller: Caller) -> Sequence[Policy]:
        return await self._book.policies(caller)
