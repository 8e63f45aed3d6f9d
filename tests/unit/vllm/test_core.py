"""Sequences through vLLM: what they become, how they end, who must wait."""

import asyncio

import pytest

from colonnade.engine.scoring import ScoreDecoder
from colonnade.engine.sequence import FinishReason, Sequence
from colonnade.errors import Internal, InvalidArgument, NotFound, Overloaded, Unavailable
from colonnade.vllm.ports import Died, Refused
from tests.unit.engine.work import sequence
from tests.unit.vllm.conftest import LIMIT, Bench


async def _let_go(bench: Bench, steps: int, *asked: Sequence) -> None:
    for each in asked:
        bench.core.submit(each)
    for _ in range(steps):
        bench.backend.steps.release()


async def test_an_answer_comes_token_by_token_and_ends(bench: Bench) -> None:
    asked = sequence(bench.runtime, "hello", 3)
    await _let_go(bench, 3, asked)
    finish = (await bench.ended(asked)).finish
    assert finish is not None
    assert (finish.reason, finish.completion_tokens, finish.cached_prompt_tokens) == ("length", 3, 2)
    assert bench.text(asked) == "abc"
    assert len(bench.updates) == 3
    assert bench.runtime.active == 0
    assert bench.core.load().outstanding_tokens == 0


async def test_a_stop_string_ends_it_and_vllm_hears_of_it(bench: Bench) -> None:
    asked = sequence(bench.runtime, "hello", 8, stop=["cd"])
    await _let_go(bench, 8, asked)
    finish = (await bench.ended(asked)).finish
    assert finish is not None
    assert (finish.reason, finish.stop, bench.text(asked)) == ("stop", "cd", "ab")
    await _left(bench, 1)


async def test_one_that_is_aborted_ends_at_once_with_what_it_came_to(bench: Bench) -> None:
    asked = sequence(bench.runtime, "hello", 8)
    await _let_go(bench, 2, asked)
    await bench.until(lambda: bench.text(asked) == "ab")
    bench.core.abort(asked)
    bench.core.abort(asked)
    finish = (await bench.ended(asked)).finish
    assert finish is not None
    assert (finish.reason, finish.completion_tokens) == (FinishReason.CANCELLED, 2)
    await _left(bench, 1)


async def test_one_that_waits_behind_a_suspect_is_aborted_too(bench: Bench) -> None:
    first, second = (sequence(bench.runtime, text, 8) for text in "xy")
    first.exclusive = True
    await _let_go(bench, 0, first, second)
    bench.core.abort(second)
    assert (await bench.ended(second)).finish is not None
    bench.core.abort(first)
    await bench.ended(first)
    await _left(bench, 0)


async def test_a_deadline_ends_it_wherever_it_is(bench: Bench) -> None:
    bench.clock.now = 100.0
    asked = sequence(bench.runtime, "hello", 8, deadline=100.01)
    await _let_go(bench, 1, asked)
    finish = (await bench.ended(asked)).finish
    assert finish is not None
    assert finish.reason is FinishReason.DEADLINE


async def test_a_suspect_runs_alone_and_those_behind_it_wait(bench: Bench) -> None:
    before, suspect, behind = (sequence(bench.runtime, text, 1) for text in "abc")
    suspect.exclusive = True
    await _let_go(bench, 3, before, suspect, behind)
    for each in (before, suspect, behind):
        assert (await bench.ended(each)).finish is not None
    assert bench.witnessed == [[before], [], [suspect], [], [behind], []]


async def test_scores_are_those_of_the_text(bench: Bench) -> None:
    asked = sequence(
        bench.runtime, "ab", 2, decoder=ScoreDecoder(bench.runtime.tokenizer.encode("ab"), [70, 71])
    )
    await _let_go(bench, 1, asked)
    update = await bench.ended(asked)
    assert [(piece.token.id, piece.token.logprob) for piece in update.pieces] == [(70, -2.0), (71, -3.0)]


async def test_a_full_queue_is_told_with_a_time(bench: Bench) -> None:
    for number in range(5):
        bench.core.submit(sequence(bench.runtime, str(number), 2))
    with pytest.raises(Overloaded) as refused:
        bench.core.check_room()
    assert refused.value.details["limit"] == 3
    assert bench.core.load().waiting == 5
    bench.core.fail_all(Unavailable("over"))
    assert bench.runtime.active == 0


async def test_nobody_comes_in_any_more(bench: Bench) -> None:
    bench.core.drain()
    with pytest.raises(Unavailable):
        bench.core.submit(sequence(bench.runtime))


async def test_a_model_that_is_gone_and_an_adapter_that_is_not_there(bench: Bench) -> None:
    with pytest.raises(NotFound):
        bench.core.submit(sequence(bench.runtime, adapter="sha256:1"))
    assert bench.core.retire(bench.runtime)
    with pytest.raises(NotFound):
        bench.core.submit(sequence(bench.runtime))


@pytest.mark.parametrize(
    ("failure", "error"),
    [(Refused("too wide"), InvalidArgument), (ValueError("inner"), Internal), (Died(), Unavailable)],
    ids=["refused", "broken", "died"],
)
async def test_what_vllm_raises_ends_the_request_with_an_error(
    bench: Bench, failure: Exception, error: type[Exception]
) -> None:
    bench.backend.refusal = failure
    asked = sequence(bench.runtime)
    await _let_go(bench, 1, asked)
    told = (await bench.ended(asked)).error
    assert isinstance(told, error)
    assert "inner" not in str(told)
    assert bench.core.dead.is_set() == isinstance(failure, Died)
    assert bench.runtime.active == 0


async def test_a_death_ends_all_and_leaves_who_was_there_noted(bench: Bench) -> None:
    asked = [sequence(bench.runtime, text, 5) for text in "abc"]
    await _let_go(bench, 0, *asked)
    bench.core.die()
    for each in asked:
        assert isinstance((await bench.ended(each)).error, Unavailable)
    assert bench.witnessed[-1] == asked
    assert bench.core.dead.is_set()


async def test_figures_are_of_those_under_way(bench: Bench) -> None:
    asked = sequence(bench.runtime, "hello", 4)
    await _let_go(bench, 1, asked)
    await bench.until(lambda: bench.text(asked) == "a")
    load = bench.core.load()
    assert (load.running, load.waiting, load.cache_bytes, load.outstanding_tokens) == (1, 0, 1000, 3)
    assert load.prefix_hit_tokens == 2
    bench.core.abort(asked)
    assert bench.core.load().cache_bytes == 0


async def _left(bench: Bench, count: int) -> None:
    """So many answers were not read to their end."""
    for _ in range(count):
        await asyncio.wait_for(bench.backend.leaving.acquire(), LIMIT)
    assert len(bench.backend.left) == count
