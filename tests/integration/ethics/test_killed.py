"""The ethics service of a whole platform, killed without warning: what was assigned holds afterwards, and
nothing gets past it meanwhile."""

import os
import signal
import time
from pathlib import Path

from colonnade.client import Colonnade
from tests.harness.platform import Platform, running

STRICT = (
    "{name: strict, rules: [{id: none, scorer: card, sides: [input], action: refuse, reason: No cards.}]}"
)
BAD = {"prompt": "My number is 4111 1111 1111 1111.", "max_tokens": 2}
GOOD = {"prompt": "Hello", "max_tokens": 2}


def test_assignments_outlive_a_kill_and_nothing_passes_meanwhile(tiny_model: Path) -> None:
    with running("--no-import", COLONNADE_REGISTRY_IMPORT_ROOTS=str(tiny_model.parent)) as platform:
        platform.command("models", "import", str(tiny_model), "--name", "tiny")
        with Colonnade(platform.url) as client:
            client.screening.put("strict", STRICT)
            client.screening.assign("/generate", "strict", why="to outlive a kill")
            (held,) = client.screening.assignments()
            assert (asked(platform, GOOD), asked(platform, BAD)) == (200, 400)
            victim = platform.pid("ethics")
            os.kill(victim, signal.SIGKILL)
            seen = until_refused_by_policy(platform)
            assert seen[0] == 503
            assert set(seen) == {503, 400}
            assert asked(platform, GOOD) == 200
            assert platform.pid("ethics") != victim
            assert client.screening.assignments() == [held]


def until_refused_by_policy(platform: Platform) -> list[int]:
    """What requests got that the policy refuses, until it refuses them again."""
    seen: list[int] = []
    ends = time.monotonic() + 60
    while 400 not in seen and time.monotonic() < ends:
        seen.append(asked(platform, BAD))
        time.sleep(0.02)
    return seen


def asked(platform: Platform, body: dict[str, object]) -> int:
    with platform.client() as http:
        answer = http.post("/generate", json=body)
    if answer.status_code == 503:
        assert int(answer.headers["retry-after"]) > 0
    return answer.status_code
