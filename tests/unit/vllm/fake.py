"""A ``ports.Backend`` that answers with what it is told to, when it is told to."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field

from colonnade.models.protocol import SampledToken
from colonnade.vllm.ports import Draw, Drawn, Lora, Plan
from tests.unit.engine.toys import spelling


@dataclass
class FakeBackend:
    """Answers of the letters a, b, c ... one token a step; each step waits for a permit."""

    cache_tokens: int = 1024
    cache_share: float = 0.25
    asked: list[Draw] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """Names of those that were not read to their end."""
    loras: dict[int, Lora] = field(default_factory=dict)
    steps: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    leaving: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    refusal: Exception | None = None
    closed: bool = False
    death: asyncio.Event = field(default_factory=asyncio.Event)

    async def draw(self, asked: Draw) -> AsyncGenerator[Drawn, None]:
        self.asked.append(asked)
        complete = False
        try:
            for number in range(asked.sampling["max_tokens"]):
                await self.steps.acquire()
                if self.refusal:
                    raise self.refusal
                complete = number == asked.sampling["max_tokens"] - 1
                yield self._drawn(asked, number, complete)
        finally:
            if not complete:
                self.left.append(asked.name)
                self.leaving.release()

    def _drawn(self, asked: Draw, number: int, complete: bool) -> Drawn:
        ended = "length" if complete else ""
        if "prompt_logprobs" in asked.sampling:
            scored = [SampledToken(token, -float(at)) for at, token in enumerate(asked.tokens)][1:]
            return Drawn([SampledToken(0)], scored, ended=ended)
        return Drawn([SampledToken(letter(number))], cached_tokens=2, scheduled=None, ended=ended)

    async def add(self, lora: Lora) -> None:
        self.loras[lora.number] = lora

    async def remove(self, lora: Lora) -> None:
        del self.loras[lora.number]

    async def died(self) -> None:
        await self.death.wait()

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakeStart:
    """A ``ports.Start`` that keeps what it was asked for and what it gave."""

    plans: list[Plan] = field(default_factory=list)
    backends: list[FakeBackend] = field(default_factory=list)
    refusal: Exception | None = None

    async def __call__(self, plan: Plan) -> FakeBackend:
        self.plans.append(plan)
        if self.refusal:
            raise self.refusal
        self.backends.append(FakeBackend())
        return self.backends[-1]


LETTERS = spelling.tokenizer().encode("abcdefgh", begin=False)


def letter(number: int) -> int:
    return LETTERS[number % len(LETTERS)]
