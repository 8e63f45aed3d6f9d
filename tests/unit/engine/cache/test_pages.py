"""The pool and the index against a model of them that is easy to check by eye."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from colonnade.engine.cache import PagePool, PrefixIndex

CAPACITY = 6
KEYS = [bytes([number]) for number in range(5)]


class PagesAndPrefixes(RuleBasedStateMachine):
    """The naive model: who holds each page, the order in which pages became free, the key of each page."""

    def __init__(self) -> None:
        super().__init__()
        self.pool, self.index = PagePool(CAPACITY), PrefixIndex()
        self.holders: dict[int, int] = {}
        self.blank: set[int] = set()
        self.freed: list[int] = []
        self.keys: dict[int, bytes] = {}

    @rule()
    def reuse(self) -> None:
        page = self.pool.reuse()
        assert page == min(self.blank, default=None)
        if page is not None:
            self.blank.remove(page)
            self.holders[page] = 1

    @rule()
    def grow(self) -> None:
        present = {*self.holders, *self.blank, *self.freed}
        page = self.pool.grow()
        assert page == min(set(range(CAPACITY)) - present, default=None)
        if page is not None:
            self.holders[page] = 1

    @precondition(lambda self: self.holders)
    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        page = data.draw(st.sampled_from(sorted(self.holders)))
        self.pool.release(page, keep=page in self.index)
        self.holders[page] -= 1
        if self.holders[page] == 0:
            del self.holders[page]
            if page in self.keys:
                self.freed.append(page)
            else:
                self.blank.add(page)

    @precondition(lambda self: self.holders)
    @rule(data=st.data(), key=st.sampled_from(KEYS))
    def publish(self, data: st.DataObject, key: bytes) -> None:
        unknown = sorted(set(self.holders) - set(self.keys))
        if unknown:
            page = data.draw(st.sampled_from(unknown))
            self.index.publish(key, page)
            if key not in self.keys.values():
                self.keys[page] = key

    @rule(wanted=st.lists(st.sampled_from(KEYS), max_size=4, unique=True))
    def share(self, wanted: list[bytes]) -> None:
        page_of = {key: page for page, key in self.keys.items()}
        expected: list[int] = []
        for key in wanted:
            if key not in page_of:
                break
            expected.append(page_of[key])
        assert self.index.find(wanted) == expected
        for page in expected:
            self.pool.share(page)
            self.holders[page] = self.holders.get(page, 0) + 1
            if page in self.freed:
                self.freed.remove(page)

    @rule()
    def evict(self) -> None:
        page = self.pool.evict()
        assert page == (self.freed[0] if self.freed else None)
        if page is not None:
            self.index.forget(page)
            del self.keys[page]
            self.freed.remove(page)
            self.blank.add(page)

    @rule()
    def shrink(self) -> None:
        page = self.pool.shrink()
        assert (page in self.blank) if self.blank else (page is None)
        self.blank.discard(-1 if page is None else page)

    @invariant()
    def agrees(self) -> None:
        assert {page: self.pool.references(page) for page in self.holders} == self.holders
        assert (self.pool.held, self.pool.blank, self.pool.cached) == (
            len(self.holders),
            len(self.blank),
            len(self.freed),
        )
        assert self.pool.resident <= CAPACITY
        assert len(self.index) == len(self.keys)
        assert all(page in self.index for page in self.keys)
        assert (self.pool.oldest is None) == (not self.freed)


PagesAndPrefixes.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPagesAndPrefixes = PagesAndPrefixes.TestCase
