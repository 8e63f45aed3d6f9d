"""The policies beside each other, on engines that are simulated and a load that is drawn by a seed.

Each engine works off tokens at one rate, in the order in which they came, and remembers the prompts that it
worked off lately; what it remembers of a prompt costs nothing. A request is a turn of a conversation: its
prompt is what its tenant always says first, and all turns before.
"""

import heapq
from collections import OrderedDict
from dataclasses import dataclass, field
from random import Random

import pytest

from colonnade.inference.domain import EngineView, Loaded, Prefixes, Stats, Work, choose, text_keys

M = "sha256:m"
ENGINES = 4
RATE = 5000.0  # tokens a second
CACHE_BLOCKS = 800
BLOCK = 256
TOKENS_A_BLOCK = 64
SLACK = 1024
TURNS = 1500


@dataclass
class Server:
    """One simulated engine."""

    free_at: float = 0.0
    outstanding: int = 0
    cache: "OrderedDict[bytes, None]" = field(default_factory=OrderedDict)

    def work_off(self, now: float, keys: tuple[bytes, ...], tokens: int) -> tuple[float, float, int]:
        """When it begins, when it is done, and how many of the prompt's blocks it knew."""
        known = 0
        while known < len(keys) and keys[known] in self.cache:
            known += 1
        for key in reversed(keys):
            self.cache[key] = None
            self.cache.move_to_end(key)
        while len(self.cache) > CACHE_BLOCKS:
            self.cache.popitem(last=False)
        began = max(now, self.free_at)
        self.free_at = began + max(1, tokens - known * TOKENS_A_BLOCK) / RATE
        return began, self.free_at, known


@dataclass(frozen=True)
class Outcome:
    hit_share: float
    p99_wait: float


def turns(random: Random) -> list[tuple[float, str, int]]:
    """When each comes, its prompt, and the tokens of its answer."""
    now, made = 0.0, []
    talks = [
        f"tenant {number % 8} " + "s" * (BLOCK * (number % 8)) + f" talk {number} " for number in range(120)
    ]
    for _ in range(TURNS):
        now += random.expovariate(9.0)
        number = min(len(talks) - 1, int(random.expovariate(0.03)))
        talks[number] += "".join(random.choices("abcdefgh", k=random.randrange(50, 400)))
        if len(talks[number]) > 12_000:
            talks[number] = talks[number][: 2_000 + number]
        made.append((now, talks[number], random.randrange(16, 400)))
    return made


def simulated(*, seed: int, blocks: int, slack: int = SLACK) -> Outcome:
    servers = [Server() for _ in range(ENGINES)]
    prefixes, done = Prefixes(blocks), list[tuple[float, int, int]]()
    waits, hits, asked = [], 0, 0
    stats = Stats("i", {M: Loaded(M)})
    for now, prompt, answer in turns(Random(seed)):
        while done and done[0][0] <= now:
            _, ended, cost = heapq.heappop(done)
            servers[ended].outstanding -= cost
        keys = text_keys((M,), [prompt])
        work = Work(M, tokens=len(prompt) // 4 + answer, prefix=keys)
        views = [EngineView(str(i), stats, server.outstanding) for i, server in enumerate(servers)]
        view = choose(views, work, matched=lambda run, keys=keys: prefixes.match(run, keys), slack=slack)  # type: ignore[misc]
        assert view is not None
        prefixes.served(view.run, keys)
        index = int(view.address)
        began, end, known = servers[index].work_off(now, keys, work.tokens)
        servers[index].outstanding += work.tokens
        heapq.heappush(done, (end, index, work.tokens))
        waits.append(began - now)
        hits, asked = hits + known, asked + len(keys)
    return Outcome(hits / asked, sorted(waits)[int(0.99 * len(waits))])


@pytest.mark.parametrize("seed", range(3))
def test_affinity_finds_more_and_makes_nobody_wait_longer_than_the_slack(seed: int) -> None:
    plain, near = simulated(seed=seed, blocks=0), simulated(seed=seed, blocks=8192)
    assert near.hit_share > plain.hit_share + 0.07
    assert near.p99_wait <= plain.p99_wait + SLACK / RATE


def test_without_a_bound_affinity_makes_some_wait_long() -> None:
    bounded, unbounded = simulated(seed=0, blocks=8192), simulated(seed=0, blocks=8192, slack=10**9)
    assert unbounded.p99_wait > bounded.p99_wait
