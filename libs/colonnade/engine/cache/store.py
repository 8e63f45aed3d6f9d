"""The state of every sequence of one model.

A sequence writes only into pages that it alone holds and that nobody can find: pages are shared whole, once
they are full, and a sequence that goes back into a shared page gives it up and works its positions off again.
So nothing is ever copied.
"""

from collections.abc import Mapping, Sequence
from math import lcm, prod

import torch
from torch import Tensor

from colonnade.engine.cache.arena import Arena
from colonnade.engine.cache.batch import BatchState
from colonnade.engine.cache.budget import CacheBudget
from colonnade.engine.cache.pages import PagePool
from colonnade.engine.cache.prefixes import Chain, PrefixIndex
from colonnade.engine.cache.sequences import SequenceState
from colonnade.engine.kernels.attention import PAGE
from colonnade.errors import Internal
from colonnade.models.protocol import Batch, StateSpec


class StateStore:
    """Sequences by the handles that the engine gave them. ``join`` a budget before the first one opens."""

    def __init__(
        self,
        specs: Sequence[StateSpec],
        *,
        dtype: torch.dtype,
        device: torch.device,
        page_dtype: torch.dtype | None = None,
        page_multiple: int = 1,
        sharing: bool = False,
    ) -> None:
        """``page_dtype``: of keys and values, if not ``dtype``. ``sharing``: the family allows it. It comes
        about only if its state can be cut at any page."""
        self.specs: Mapping[str, StateSpec] = {spec.name: spec for spec in specs}
        self.device, self._dtype = device, dtype
        self._page_dtype = page_dtype or dtype
        self.page_multiple = page_multiple
        self._paged = [spec for spec in specs if spec.kind == "paged_kv"]
        self._fixed = [spec for spec in specs if spec.kind == "fixed"]
        self.page_bytes = sum(2 * PAGE * prod(spec.shape) for spec in self._paged)
        self.page_bytes *= self._page_dtype.itemsize
        self.fixed_bytes = sum(prod(spec.shape) for spec in self._fixed) * dtype.itemsize
        self.recomputable = all(spec.prefix_pure for spec in specs)
        """A sequence's state may be taken away and made again from its tokens."""
        truncates = all(spec.rewind == "truncate" for spec in specs)
        self.sharing = sharing and self.recomputable and truncates and not self._fixed
        self._stride = lcm(PAGE, page_multiple) // PAGE
        """Prefixes are shared in multiples of so many pages."""
        self._sequences: dict[int, SequenceState] = {}
        self._budget = CacheBudget(0)
        self._empty(0)

    def __len__(self) -> int:
        return len(self._sequences)

    def __getitem__(self, handle: int) -> SequenceState:
        return self._sequences[handle]

    def join(self, budget: CacheBudget) -> None:
        """Counts on ``budget`` from now on. No effect if it does already."""
        if budget is not self._budget:
            self.leave()
            self._budget = budget
            budget.enrol(self)
            self._empty(budget.limit_bytes // self.page_bytes if self.page_bytes else 0)

    def leave(self) -> None:
        """Gives everything back; no sequence may be open."""
        assert not self._sequences, "sequences end before their model's state goes"
        if self in self._budget.holders:
            self._budget.withdraw(self, self.pool.resident * self.page_bytes)
        self._budget = CacheBudget(0)
        self._empty(0)

    def _empty(self, capacity: int) -> None:
        self.pool = PagePool(capacity)
        self.index = PrefixIndex()
        self._arenas: dict[str, Arena] = {}

    @property
    def held_bytes(self) -> int:
        return self.pool.held * self.page_bytes + len(self._sequences) * self.fixed_bytes

    @property
    def cached_bytes(self) -> int:
        """Of free pages whose content can still be shared."""
        return self.pool.cached * self.page_bytes

    @property
    def wasted_bytes(self) -> int:
        """Of places in held pages that no committed position fills."""
        places = sum(each.count * PAGE - each.length for each in list(self._sequences.values()) if each.count)
        return places * self.page_bytes // PAGE

    @property
    def oldest(self) -> int | None:
        return self.pool.oldest

    def evict(self) -> None:
        page = self.pool.evict()
        assert page is not None, "only what is cached can be evicted"
        self.index.forget(page)

    def shrink(self) -> int:
        """Gives the memory of one worthless page back; how many bytes, 0 if there is none."""
        page = self.pool.shrink()
        if page is None:
            return 0
        for arena in self._arenas.values():
            arena.give_back(page)
        return self.page_bytes

    def pages_for(self, positions: int) -> int:
        return -(-positions // PAGE) if self._paged else 0

    def bytes_for(self, positions: int) -> int:
        """The most a sequence of ``positions`` can hold."""
        return self.pages_for(positions) * self.page_bytes + self.fixed_bytes

    def bytes_to_open(self, positions: int, chain: Chain, tokens: Sequence[int]) -> int:
        """What a new sequence of ``tokens``, up to ``positions``, would take of what is available."""
        found = self._found(chain, tokens)
        held = sum(self.pool.references(page) > 0 for page in found)
        return (self.pages_for(positions) - held) * self.page_bytes + self.fixed_bytes

    def bytes_to_extend(self, handle: int, positions: int) -> int:
        """What a sequence still lacks to hold ``positions``."""
        return max(0, self.pages_for(positions) - self._sequences[handle].count) * self.page_bytes

    def open(self, handle: int, positions: int, chain: Chain | None = None) -> bool:
        """Begins a sequence of at most ``positions``, without pages, its fixed state zero. False if there is
        no room for that. Others may share what it will hold if it has a ``chain``."""
        assert handle not in self._sequences, "handles are never used twice"
        if not self._budget.take(self.fixed_bytes):
            return False
        own = chain.branch() if chain and self.sharing else None
        state = self._sequences[handle] = SequenceState(self.pages_for(positions), own)
        for spec in self._fixed:
            state.fixed[spec.name] = torch.zeros(spec.shape, dtype=self._dtype, device=self.device)
        return True

    def close(self, handle: int) -> None:
        """Gives back everything the sequence holds; a handle that is not open is ignored."""
        if handle in self._sequences:
            self._drop(self._sequences.pop(handle), 0)
            self._budget.give(self.fixed_bytes)

    def share(self, handle: int, chain: Chain, tokens: list[int]) -> int:
        """Takes over pages that hold what follows in ``tokens``, instead of working it off.

        Returns how many positions are committed now."""
        state = self._sequences[handle]
        pages, rest = divmod(state.length, PAGE)
        found = self._found(chain, tokens)
        fits = not rest and len(found) > pages and state.chain is not None and state.pure
        if not fits or state.tokens != tokens[: state.length]:
            return state.length
        self._drop(state, pages)  # taken for what comes now, and empty
        for page in found[pages:]:
            self.pool.share(page)
            state.append(page)
        state.length, state.published = len(found) * PAGE, len(found)
        state.tokens = tokens[: state.length]
        state.chain = chain.branch(len(found))
        return state.length

    def extend(self, handle: int, end: int) -> bool:
        """Has the sequence hold pages for positions up to ``end``; False, and nothing done, without room."""
        state = self._sequences[handle]
        missing = self.pages_for(end) - state.count
        if missing <= 0:
            return True
        if missing * self.page_bytes > self._budget.available_bytes:
            return False
        for _ in range(missing):
            state.append(self._take())
        return True

    def view(self, batch: Batch) -> BatchState:
        return BatchState(self, batch.spans)

    def pages(self, name: str) -> Tensor:
        """All pages of a layer. (P, 2, K, PAGE, d)"""
        return self._arenas[name].pages

    def publish(self, handle: int) -> None:
        """Lets others share the sequence's full pages. What it committed so far is decided."""
        state = self._sequences[handle]
        full = state.length // self.page_multiple * self.page_multiple // PAGE
        if state.chain is None or not state.pure or full <= state.published:
            return
        keys = state.chain.over(state.tokens)
        for place in range(state.published, full):
            self.index.publish(keys[place], int(state.table[place]))
        state.published = full

    def rewind(self, handle: int, position: int) -> int:
        """Forgets committed positions from ``position`` on, and a few before it if they are in a shared page.
        Pages beyond are given back. Returns how many positions stay."""
        state = self._sequences[handle]
        if not 0 <= position <= state.length:
            raise Internal(f"the decoder went back to {position} of {state.length} positions")
        if position < state.length and any(spec.rewind != "truncate" for spec in self.specs.values()):
            raise Internal("this family's state cannot go back by truncation")
        place, rest = divmod(position, PAGE)
        if rest and place < state.published:
            position = place * PAGE
        if self.recomputable:  # others keep what was reserved for them
            self._drop(state, self.pages_for(position))
        state.length = position
        state.published = min(state.published, place)
        del state.tokens[position:]
        if state.chain:
            state.chain.cut(place)
        return position

    def _found(self, chain: Chain, tokens: Sequence[int]) -> list[int]:
        if not self.sharing:
            return []
        found = self.index.find(chain.over(tokens))
        return found[: len(found) // self._stride * self._stride]

    def _take(self) -> int:
        """A page from what is available: there is one, as was checked."""
        if not self._arenas:
            self._arenas = {
                spec.name: Arena(self.pool.capacity, spec.shape, self._page_dtype, self.device)
                for spec in self._paged
            }
        while True:
            page = self.pool.reuse()
            if page is None and self._budget.charge(self.page_bytes):
                page = self.pool.grow()
            if page is not None:
                return page
            self._budget.evict_oldest()

    def _drop(self, state: SequenceState, keep: int) -> None:
        """Gives back all but the first pages; the last one first, so that it is also evicted first."""
        for page in reversed(state.pages[keep:]):
            self.pool.release(page, keep=page in self.index)
        state.count = min(state.count, keep)
