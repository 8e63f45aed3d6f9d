"""``colonnade cache``"""

import json
from collections.abc import Callable
from typing import Any

from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
STATE = {
    "store": "memory", "answers": 12, "size_bytes": 2048, "max_bytes": 4096, "hits": 3, "semantic_hits": 1,
    "joined": 5, "misses": 7, "evictions": 0, "semantic_questions": 4, "thresholds": {"faq": 0.95},
}  # fmt: skip


def test_what_is_kept(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/cache"] = Answer(body=STATE)
    shown = colonnade("cache", "show").out.splitlines()
    assert shown[1].split()[:2] == ["memory", "12"]
    assert shown[1].split()[-4:] == ["3", "1", "5", "7"]
    assert shown[2] == "faq: questions that are alike to 0.95 count as the same"
    assert json.loads(colonnade("cache", "show", "--json").out) == STATE


def test_elsewhere_and_nowhere(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/cache"] = Answer(body=STATE | {"store": "redis", "answers": 0, "thresholds": {}})
    assert colonnade("cache", "show").out.splitlines()[1].split()[:3] == ["redis", "-", "-"]
    stub.routes["GET", "/cache"] = Answer(body=STATE | {"store": ""})
    assert "COLONNADE_INFERENCE_CACHE_BYTES" in colonnade("cache", "show").err


def test_it_is_forgotten(stub: Stub, colonnade: Run) -> None:
    stub.routes["DELETE", "/cache"] = Answer(body={"answers": 12})
    stub.routes["DELETE", "/cache?model=m%3A1&tenant=shop"] = Answer(body={"answers": 1})
    assert colonnade("cache", "purge").out == "12 answers forgotten\n"
    done = colonnade("cache", "purge", "--model", "m:1", "--tenant", "shop")
    assert done.out == "1 answer forgotten\n"
