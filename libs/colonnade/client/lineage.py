"""Both clients' ``lineage``, and what they know of evaluations."""

import builtins
from collections.abc import Sequence
from typing import TYPE_CHECKING

from colonnade.client import lineage_calls as calls
from colonnade.client.lineage_calls import Evaluation, Lineage, Named

if TYPE_CHECKING:
    from colonnade.client.aio import AsyncColonnade
    from colonnade.client.sync import Colonnade


class SyncLineage:
    """What came from what."""

    def __init__(self, client: "Colonnade") -> None:
        self._client = client

    def trace(
        self,
        node: Named,
        *,
        direction: str | None = None,
        depth: int | None = None,
        adapter: str | None = None,
        policy: str | None = None,
    ) -> Lineage:
        """What made a node, or with ``direction="downstream"`` what came from it, or ``"both"``.

        ``node`` is ``"smollm2:3"``, a version's digest, ``"dataset:sha256:..."``, a ``LineageNode``, or the
        ``lineage`` of an answer."""
        return self._client._call(calls.trace(node, direction, depth, adapter, policy))

    def record(self, edges: Sequence[tuple[Named, str, Named]]) -> int:
        """Says what came from what, as in ``("smollm2:3", "trained_on", data_set)``; how much was new."""
        return self._client._call(calls.record(edges))


class AsyncLineage:
    """What came from what."""

    def __init__(self, client: "AsyncColonnade") -> None:
        self._client = client

    async def trace(
        self,
        node: Named,
        *,
        direction: str | None = None,
        depth: int | None = None,
        adapter: str | None = None,
        policy: str | None = None,
    ) -> Lineage:
        """What made a node, or with ``direction="downstream"`` what came from it, or ``"both"``.

        ``node`` is ``"smollm2:3"``, a version's digest, ``"dataset:sha256:..."``, a ``LineageNode``, or the
        ``lineage`` of an answer."""
        return await self._client._call(calls.trace(node, direction, depth, adapter, policy))

    async def record(self, edges: Sequence[tuple[Named, str, Named]]) -> int:
        """Says what came from what, as in ``("smollm2:3", "trained_on", data_set)``; how much was new."""
        return await self._client._call(calls.record(edges))


def all_evaluations(client: "Colonnade", model: str, version: int) -> builtins.list[Evaluation]:
    found, token = builtins.list[Evaluation](), ""
    while True:
        page = client._call(calls.evaluations(model, version, token))
        found += page.evaluations
        token = page.next_page_token
        if not token:
            return found


async def all_evaluations_async(
    client: "AsyncColonnade", model: str, version: int
) -> builtins.list[Evaluation]:
    found, token = builtins.list[Evaluation](), ""
    while True:
        page = await client._call(calls.evaluations(model, version, token))
        found += page.evaluations
        token = page.next_page_token
        if not token:
            return found
