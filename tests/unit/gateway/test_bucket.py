"""The token bucket against a slow one that steps through time, and what holds whatever happens."""

from fractions import Fraction

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from colonnade.gateway.domain.bucket import Bucket


class Buckets(RuleBasedStateMachine):
    """The reference keeps exact fractions, and refills a hundredth of a second at a time."""

    @initialize(limit=st.integers(1, 10_000))
    def begin(self, limit: int) -> None:
        self.limit = limit
        self.now = Fraction(0)
        self.bucket = Bucket.full(limit, 0.0)
        self.level = Fraction(limit)

    @rule(hundredths=st.integers(0, 1500))
    def time_passes(self, hundredths: int) -> None:
        self.now += Fraction(hundredths, 100)
        for _ in range(hundredths):
            self.level = min(Fraction(self.limit), self.level + Fraction(self.limit, 6000))
            if self.level == self.limit:
                break
        self.bucket.refill(self.limit, float(self.now))

    @rule()
    def time_goes_back(self) -> None:
        self.bucket.refill(self.limit, float(self.now) - 5)

    @rule(amount=st.integers(0, 20_000))
    def somebody_takes(self, amount: int) -> None:
        wait = self.bucket.wait(amount, self.limit)
        missing = min(amount, self.limit) - self.level
        if abs(missing) > Fraction(self.limit, 10**6):
            assert (wait > 0) == (missing > 0)
            assert abs(wait - max(0.0, float(missing * 60 / self.limit))) < 1e-3
        if wait == 0:
            self.change(-amount)

    @rule(amount=st.integers(-20_000, 20_000))
    def somebody_settles(self, amount: int) -> None:
        self.change(amount)

    def change(self, amount: int) -> None:
        self.bucket.change(amount, self.limit)
        self.level = max(Fraction(-self.limit), min(Fraction(self.limit), self.level + amount))

    @invariant()
    def they_agree(self) -> None:
        if hasattr(self, "bucket"):
            assert abs(self.bucket.level - float(self.level)) < 1e-6 * self.limit
            assert -self.limit <= self.bucket.level <= self.limit
            assert self.bucket.wait(self.limit, self.limit) <= 120.001


Buckets.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestBuckets = Buckets.TestCase


def test_no_more_than_the_limit_and_what_came_back_is_ever_given() -> None:
    bucket, given, now = Bucket.full(30, 0.0), 0, 0.0
    while now < 600:
        bucket.refill(30, now)
        if not bucket.wait(1, 30):
            bucket.change(-1, 30)
            given += 1
        now += 0.37
    assert 30 + 30 * 9 <= given <= 30 + 30 * 10


def test_waiting_as_long_as_told_is_enough() -> None:
    bucket = Bucket.full(7, 0.0)
    bucket.change(-7, 7)
    wait = bucket.wait(3, 7)
    bucket.refill(7, wait)
    assert bucket.wait(3, 7) == 0
