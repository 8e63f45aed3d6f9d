"""A run ends between two steps when it is asked to, and at once when it is asked again."""

import signal

import pytest

from colonnade.learn.loop.stop import Stop


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_does_what_it_always_does(number: signal.Signals) -> None:
    seen: list[int] = []
    before = signal.signal(number, lambda *_: seen.append(1))
    try:
        stop = Stop()
        with stop.by_signal():
            assert not stop.wanted
            signal.raise_signal(number)
            assert stop.wanted
            assert not seen
            signal.raise_signal(number)
            assert seen == [1]
        signal.raise_signal(number)
        assert seen == [1, 1]
    finally:
        signal.signal(number, before)
