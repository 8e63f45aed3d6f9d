"""What callers and operators see of the cache."""

from colonnade.engine.kernels.attention import PAGE
from colonnade.engine.scheduler import Limits
from tests.unit.engine.served import Served, asking, serving

PROMPT = "a system prompt that every request begins with"


def _value(served: Served, name: str, **labels: str) -> float | None:
    found: float | None = served.registry.get_sample_value(f"colonnade_engine_{name}", labels)
    return found


async def test_a_prompt_that_comes_again_is_mostly_found_in_the_cache() -> None:
    async with serving(Limits()) as served:
        model = await served.load()
        answers = [await served.answer(asking(model, PROMPT)) for _ in range(2)]
        stats = await served.stats()
    expected = (len(PROMPT) - 1) // PAGE * PAGE
    assert [each.finish.usage.cached_prompt_tokens for each in answers] == [0, expected]
    assert answers[0].text == answers[1].text
    assert stats.prefix_hit_tokens == expected
    assert stats.cached_prefix_bytes > stats.cache_bytes == 0
    assert stats.cache_limit_bytes == Limits().cache_bytes
    assert stats.preemptions == 0


async def test_metrics_show_hits_waste_and_who_gave_way() -> None:
    async with serving(Limits()) as served:
        name = (await served.load()).name
        for _ in range(2):
            await served.answer(asking(await served.load(), PROMPT))
        assert _value(served, "prefix_hit_tokens_total", model=name) == (len(PROMPT) - 1) // PAGE * PAGE
        assert _value(served, "preempted_requests_total", model=name) == 0
        assert _value(served, "cache_waste_bytes") == 0
        assert (_value(served, "cache_shareable_bytes") or 0) > 0


async def test_an_unloaded_model_leaves_nothing_in_the_cache() -> None:
    async with serving(Limits()) as served:
        model = await served.load()
        await served.answer(asking(model, PROMPT))
        assert served.engine.host.unload(model.digest)
        budget = served.core.scheduler.budget
        assert (budget.resident_bytes, budget.holders) == (0, ())
