"""The thread, delivery and what a process decides when it starts."""

import asyncio
import threading
import time
from collections.abc import Sequence as Row

import pytest

from colonnade.engine.core import Core
from colonnade.engine.delivery import Chunk, Mailbox
from colonnade.engine.loop import Loop
from colonnade.engine.scheduler import Limits
from colonnade.engine.sequence import FinishReason, Sequence, Update
from colonnade.engine.settings import EngineSettings
from colonnade.engine.text import Piece
from colonnade.errors import Internal, Unavailable
from colonnade.models.protocol import SampledToken
from tests.unit.engine.toys.loaded import runtime
from tests.unit.engine.work import sequence

RUNTIME = runtime()


class _Ears:
    """Collects updates and says when a request has ended."""

    def __init__(self) -> None:
        self.calls: list[list[Update]] = []
        self._news = threading.Condition()

    def __call__(self, updates: Row[Update]) -> None:
        with self._news:
            self.calls.append(list(updates))
            self._news.notify_all()

    def ended(self, wanted: Sequence) -> Update:
        def found() -> Update | None:
            ends = (each for call in self.calls for each in call if each.finish or each.error)
            return next((each for each in ends if each.sequence is wanted), None)

        with self._news:
            result = self._news.wait_for(found, 20)
        assert result is not None
        return result


def test_the_loop_serves_sleeps_and_stops() -> None:
    core, ears = Core(Limits(queue_capacity=3)), _Ears()
    batches: list[int] = []
    loop = Loop(core, ears, 1, batches.append)
    asked = [sequence(RUNTIME, text, 8) for text in ("a", "bc")]
    for each in asked:
        core.submit(each)
    loop.start()
    for each in asked:
        finish = ears.ended(each).finish
        assert finish is not None
        assert finish.reason is FinishReason.LENGTH
    assert len(ears.calls) <= len(batches) == 8, "at most one delivery a step"
    before, steps = time.process_time(), len(batches)
    threading.Event().wait(0.2)
    assert time.process_time() - before < 0.1, "an idle engine uses the processor"
    assert len(batches) == steps
    long = sequence(RUNTIME, "d", 80)
    core.submit(long)
    loop.stop()
    end = ears.ended(long)
    assert end.finish or isinstance(end.error, Unavailable)


def test_a_fault_of_the_engine_itself_ends_requests_not_the_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    core, ears = Core(Limits()), _Ears()
    loop = Loop(core, ears, 1)
    real, broken = core.step, True

    def step() -> list[Update]:
        if broken:
            raise ZeroDivisionError
        return real()

    monkeypatch.setattr(core, "step", step)
    loop.start()
    first, second = sequence(RUNTIME, "a", 3), sequence(RUNTIME, "b", 3)
    core.submit(first)
    assert isinstance(ears.ended(first).error, Internal)
    broken = False
    core.submit(second)
    assert ears.ended(second).finish
    loop.stop()


def _update(*texts: str, error: Internal | None = None) -> Update:
    pieces = [Piece(SampledToken(number), text) for number, text in enumerate(texts)]
    return Update(sequence(RUNTIME), pieces, None, error)


async def test_a_slow_reader_finds_chunks_merged() -> None:
    mailbox = Mailbox()
    chunks = mailbox.read()
    mailbox.put(_update("a"))
    assert (await anext(chunks)).text == "a"
    for text in "bcd":
        mailbox.put(_update(text))
    assert await anext(chunks) == Chunk(tuple(_piece(text) for text in "bcd"))
    mailbox.put(_update("e", error=Internal("over")))
    assert mailbox.ended
    assert (await anext(chunks)).text == "e"
    with pytest.raises(Internal):
        await anext(chunks)


def _piece(text: str) -> Piece:
    return Piece(SampledToken(0), text)


async def test_a_reader_waits_for_news() -> None:
    mailbox = Mailbox()
    reading = asyncio.create_task(anext(mailbox.read()))
    await asyncio.sleep(0)
    assert not reading.done()
    mailbox.put(_update("x"))
    assert (await reading).text == "x"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLONNADE_ENGINE_STEP_TOKENS", "64")
    monkeypatch.setenv("COLONNADE_ENGINE_MEMORY_BYTES", "12345")
    monkeypatch.setenv("COLONNADE_ENGINE_WEIGHTS", "stored")
    settings = EngineSettings()
    assert settings.limits == Limits(step_tokens=64)
    assert (settings.model_bytes, settings.weights) == (12345, "stored")
    assert settings.address.endswith("run/engine.sock")
