"""Nothing goes to a model, and nothing comes from one, before a policy has let it."""

import asyncio
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from functools import partial

from colonnade.errors import ColonnadeError, Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, GenerationSpec, Usage
from colonnade.gateway.domain.guarding import ContentRefused, Decision, GuardUse, Verdict
from colonnade.gateway.domain.texts import DetokenizeSpec
from colonnade.gateway.domain.usage import Tally
from colonnade.gateway.ports import Screener, Screening, TextReader
from colonnade.gateway.service.guard.absence import without_screening
from colonnade.gateway.service.guard.bounds import GuardBounds
from colonnade.gateway.service.guard.metrics import DECISIONS, INPUT
from colonnade.gateway.service.guard.prompt import Part, guided, joined, located, masked, parts_of, with_texts
from colonnade.gateway.service.guard.release import Release
from colonnade.gateway.service.pipeline import Pipeline, Stage
from colonnade.gateway.service.recall import asked_of


class Guard(Stage):
    """Stands below Recall, whose quotations are screened as well, and above what asks the model. Whatever
    counts, remembers or records the answer stands above it.

    ``again``: the stages below, for an answer that a policy wants asked for again."""

    def __init__(
        self, screener: Screener, reader: TextReader, again: Pipeline, bounds: GuardBounds | None = None
    ) -> None:
        self._screener, self._reader, self._again = screener, reader, again
        self._bounds = bounds or GuardBounds()
        self._open: dict[str, list[Screening]] = {}

    async def before(self, exchange: Exchange) -> None:
        """Raises ``ContentRefused``; ``Unavailable`` where it cannot be screened, and has to be."""
        began, exchange.guard = time.monotonic(), GuardUse()
        spec = await self._readable(exchange)
        parts = parts_of(spec, exchange.sent or spec)
        screening = self._opened(exchange)
        try:
            async with asyncio.timeout(self._bounds.seconds):
                verdict = await screening.screen("input", joined(parts), last=True)
        except (ColonnadeError, TimeoutError) as error:
            without_screening(exchange, error, self._bounds)
            return
        exchange.guard.note(verdict)
        exchange.caching = replace(exchange.caching, policy_version=verdict.version)
        self._act(exchange, exchange.guard, verdict, spec, parts)
        exchange.guard.input_seconds = time.monotonic() - began
        INPUT.observe(exchange.guard.input_seconds)

    def during(self, exchange: Exchange, chunks: AsyncIterator[Chunk]) -> AsyncIterator[Chunk]:
        use = exchange.guard
        if use is None or use.unavailable:
            return chunks
        return self._guarded(exchange, use, chunks)

    async def after(self, exchange: Exchange) -> None:
        for screening in self._open.pop(exchange.lease, ()):
            await screening.close()

    def _opened(self, exchange: Exchange) -> Screening:
        screening = self._screener.open(exchange.caller, exchange.route, exchange.target)
        self._open.setdefault(exchange.lease, []).append(screening)
        return screening

    async def _readable(self, exchange: Exchange) -> GenerationSpec:
        """A prompt that is encoded already, as text: tokens are judged as words are."""
        spec = exchange.asked
        if spec.prompt_tokens is None:
            return spec
        if exchange.target is None:
            raise Internal("no version was drawn before the guard")
        encoded = DetokenizeSpec(spec.prompt_tokens)
        text = await self._reader.detokenize(exchange.caller, encoded, exchange.target)
        return replace(spec, prompt=text, prompt_tokens=None)

    def _act(
        self, exchange: Exchange, use: GuardUse, verdict: Verdict, spec: GenerationSpec, parts: list[Part]
    ) -> None:
        masks: list[Decision] = []
        for decision in verdict.decisions:
            DECISIONS.labels("input", decision.action).inc()
            use.decisions.append(located(decision, parts))
            if decision.ends:
                raise ContentRefused(use.decisions[-1], use)
            if decision.action == "mask":
                masks.append(decision)
        if not masks:
            return
        texts = masked(parts, masks)
        if isinstance(texts, Decision):
            raise ContentRefused(located(texts, parts), use)
        exchange.spec = with_texts(spec, parts, texts)
        if exchange.memory is not None:
            theirs = with_texts(spec, parts, texts) if spec.messages else replace(spec, prompt=texts[-1])
            exchange.memory = replace(exchange.memory, asked=asked_of(theirs))

    async def _guarded(
        self, exchange: Exchange, use: GuardUse, chunks: AsyncIterator[Chunk]
    ) -> AsyncGenerator[Chunk, None]:
        run, taken = exchange, Usage()
        first, more = self._open[exchange.lease][0], partial(self._opened, exchange)
        for attempt in range(self._bounds.retries + 1):
            release = Release(run, use, first, more, self._bounds, attempt=attempt)
            async with aclosing(release.chunks(chunks)) as released:
                async for chunk in released:
                    exchange.target, exchange.cached = run.target, run.cached
                    yield _with_usage(chunk, taken)
            if not release.thrown_away:
                return
            taken = _sum(taken, release.usage)
            run = _asked_again(exchange, guided(exchange.asked, release.guidance))
            chunks = self._again.generate(run)


def _asked_again(exchange: Exchange, spec: GenerationSpec) -> Exchange:
    """What it takes is counted for itself. Its question is not the caller's: caches are left alone."""
    return replace(
        exchange,
        spec=spec,
        lease=uuid.uuid4().hex,
        caching=replace(exchange.caching, off=True),
        cached=None,
        tally=Tally(),
        stop=None,
    )


def _with_usage(chunk: Chunk, taken: Usage) -> Chunk:
    if chunk.finish is None or taken == Usage():
        return chunk
    return replace(chunk, finish=replace(chunk.finish, usage=_sum(taken, chunk.finish.usage)))


def _sum(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt_tokens + other.prompt_tokens,
        one.completion_tokens + other.completion_tokens,
        one.cached_prompt_tokens + other.cached_prompt_tokens,
        one.guessed_tokens + other.guessed_tokens,
        one.accepted_tokens + other.accepted_tokens,
    )
