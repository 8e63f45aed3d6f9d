"""Engines under Ray come and go with their queues."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.harness.platform import eventually
from tests.integration.serving.under_ray import engines, gone, outcome, replicas, under_ray

pytestmark = pytest.mark.timeout(600)
STREAMS = 12


def test_a_queue_brings_another_engine_and_its_end_takes_it_away(tiny_model: Path) -> None:
    with under_ray(
        tiny_model,
        "1:2",
        COLONNADE_SERVING_TARGET_REQUESTS="4",
        COLONNADE_SERVING_WINDOW_SECONDS="10.5",
        COLONNADE_SERVING_UPSCALE_SECONDS="0",
        COLONNADE_SERVING_DOWNSCALE_SECONDS="1",
        COLONNADE_ENGINE_MAX_SEQUENCES="2",
        COLONNADE_INFERENCE_SPREAD_TOKENS="1",
    ) as platform:
        busy = True

        def keep_asking(number: int) -> int:
            done = 0
            while busy:
                assert outcome(platform, number, max_tokens=400) == "done"
                done += 1
            return done

        began = time.monotonic()
        with ThreadPoolExecutor(STREAMS) as threads:
            asked = [threads.submit(keep_asking, number) for number in range(STREAMS)]
            try:
                eventually(lambda: len(engines(platform)) == 2, 120, "a second engine registers")
                eventually(
                    lambda: all(each["running"] for each in engines(platform).values()), 60, "both work"
                )
                two = replicas(platform)
            finally:
                busy = False
            assert all(each.result(120) for each in asked)
        grew = time.monotonic() - began
        eventually(lambda: len(engines(platform)) == 1, 120, f"one leaves again (it came after {grew:.0f} s)")
        eventually(lambda: [gone([each.actor, each.engine]) for each in two].count(True) == 1, 60, "and ends")
        assert outcome(platform, 0) == "done"
