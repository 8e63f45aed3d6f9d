"""One request on its way through the engine.

``Work`` is what was asked, ready to run. ``Sequence`` is its life: waiting, running, finished. Only the
core's thread changes a sequence, except for ``ending``, which any thread may set to have it dropped before
the next forward.
"""

import itertools
from collections.abc import Sequence as Row
from dataclasses import dataclass, field
from enum import StrEnum

from colonnade.engine.cache import Chain
from colonnade.engine.kernels.attention import PAGE
from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Sampling, TokenSampler
from colonnade.engine.speculation.decoder import Tally, tally_of
from colonnade.engine.structure import Grammar
from colonnade.engine.text import Piece, TextStream
from colonnade.errors import ColonnadeError
from colonnade.models.protocol import Decoder, SampledToken

MAX_PRIORITY = 10
PRIORITY_SECONDS = 30.0
"""How much later a request of one priority more may arrive and still go first."""
_HANDLES = itertools.count(1)


class FinishReason(StrEnum):
    STOP = "stop"
    LENGTH = "length"
    CANCELLED = "cancelled"
    DEADLINE = "deadline"


@dataclass(frozen=True, slots=True)
class Work:
    """A request with its text encoded and its limits settled."""

    request_id: str
    tenant: str
    tokens: Row[int]
    max_tokens: int
    sampling: Sampling = field(default_factory=Sampling)
    stop: Row[str] = ()
    stop_ids: frozenset[int] = frozenset()
    priority: int = 0
    deadline: float | None = None
    """On the core's clock (``time.monotonic``)."""
    adapter: str | None = None
    """The digest of a LoRA adapter; None for the model as it is."""
    grammar: Grammar | None = None
    """What the answer must obey."""
    index: int = 0
    """Which of its request's answers it is."""


@dataclass(frozen=True, slots=True)
class Finish:
    """How a request ended and what it took. Seconds are measured from its arrival on."""

    reason: FinishReason
    prompt_tokens: int
    completion_tokens: int
    queue_seconds: float
    prefill_seconds: float
    decode_seconds: float
    first_token_seconds: float
    seed: int
    stop: str = ""
    cached_prompt_tokens: int = 0
    """Of the prompt's: not worked off, because others had done so before."""
    preemptions: int = 0
    """How often it had to give way to requests before it."""
    speculation: Tally | None = None
    """None if nothing was guessed."""
    adapter: str = ""
    """The digest of the adapter that had a part in it, if one had."""


@dataclass(frozen=True, slots=True)
class Update:
    """What one step of the engine did for one sequence."""

    sequence: "Sequence"
    pieces: Row[Piece] = ()
    finish: Finish | None = None
    error: ColonnadeError | None = None


class Sequence:
    """Also the ``colonnade.models.protocol.SequenceView`` that decoders see."""

    def __init__(
        self,
        work: Work,
        runtime: Runtime,
        arrived: float,
        *,
        decoder: Decoder | None = None,
        known: int = 0,
        reuses: bool = True,
        whole: bool = False,
        exclusive: bool = False,
        leader: "Sequence | None" = None,
    ) -> None:
        """``known`` positions can be worked off at once, like a prompt, whatever has been emitted.

        ``reuses``: may begin with state that others computed; not where every position's row is wanted.
        ``whole``: the prompt goes through in one span. ``exclusive``: it runs alone in its forwards.
        ``leader``: one of the same prompt, whose state it waits for."""
        self.handle = next(_HANDLES)
        self.work, self.runtime = work, runtime
        self.tokens: list[int] = list(work.tokens)
        self.committed = 0
        self.furthest = 0
        """The most positions that were ever committed."""
        self._known = known
        self.reuses, self.whole, self.exclusive, self.leader = reuses, whole, exclusive, leader
        self.lookahead = 0
        """Tokens beyond its block that it would like to be granted while it generates."""
        self.chain = Chain(runtime.ref.digest, work.adapter, work.tenant)
        self.decoder = decoder or runtime.decoder(work.stop_ids)
        constraint = work.grammar.matcher() if work.grammar else None
        self.sampler = TokenSampler(work.sampling, self.tokens, constraint)
        self.text = TextStream(runtime.tokenizer, work.tokens, work.stop)
        self.fingerprint = b""
        """What makes it the same request when it comes again; empty where nobody asks."""
        self.ending: FinishReason | None = None
        self.idle_steps = 0
        """Forwards in a row that decided nothing and kept nothing."""
        self.arrived = arrived
        self.turn = (arrived - work.priority * PRIORITY_SECONDS, self.handle)
        """Lower goes first: by arrival, where a priority counts as a head start. So nobody waits for ever."""
        self.running = False
        self.under_way = False
        """It waits or runs."""
        self.preemptions = 0
        self.cached_prompt_tokens = 0
        self.admitted: float | None = None
        """When it ran first."""
        self.first_token: float | None = None

    @property
    def emitted(self) -> int:
        return len(self.tokens) - len(self.work.tokens)

    @property
    def remaining(self) -> int:
        return self.work.max_tokens - self.emitted

    @property
    def pending(self) -> int:
        """Positions that could be worked off now: the rest of the prompt, or the newest token."""
        return max(self._known, len(self.tokens)) - self.committed

    @property
    def reserved_positions(self) -> int:
        """The most positions it can come to hold; a block may reach beyond the last token asked for."""
        return len(self.work.tokens) + self.work.max_tokens + self.runtime.model.page_multiple - 1

    @property
    def reserved_bytes(self) -> int:
        return self.runtime.store.bytes_for(self.reserved_positions)

    @property
    def frontier(self) -> int:
        """Positions that it must hold soon: its prompt, and what it generates next."""
        soon = max(self._known, len(self.tokens)) + max(PAGE, self.runtime.model.page_multiple)
        return min(soon, self.reserved_positions)

    @property
    def follows(self) -> bool:
        """Whether it waits for another to have worked off the prompt that both begin with."""
        leader = self.leader
        return (
            leader is not None
            and self.runtime.store.sharing
            and leader.under_way
            and leader.furthest < len(leader.work.tokens)
        )

    def stand_at(self, position: int) -> None:
        """So many positions are committed now."""
        self.committed = position
        self.furthest = max(self.furthest, position)

    @property
    def reusable(self) -> list[int]:
        """The tokens it may take shared state for; the last one's row is always wanted."""
        return self.tokens[:-1] if self.reuses else []

    def reuse(self) -> int:
        """Takes over shared state for what comes next; how many of the prompt's positions that saved."""
        store, before = self.runtime.store, self.furthest
        if not store.sharing:
            return 0
        self.stand_at(store.share(self.handle, self.chain, self.reusable))
        saved = max(0, min(self.committed, len(self.work.tokens)) - before)
        self.cached_prompt_tokens += saved
        return saved

    def overdue(self, now: float) -> bool:
        return self.work.deadline is not None and now >= self.work.deadline

    def take(self, emitted: Row[SampledToken], now: float) -> tuple[list[Piece], FinishReason | None]:
        """Appends what a step decided, up to the first thing that ends the answer."""
        pieces: list[Piece] = []
        for token in emitted[: self.remaining]:
            if self.first_token is None:
                self.first_token = now
            self.tokens.append(token.id)
            if token.id in self.work.stop_ids:
                pieces += self.text.finish()
                # What was held back may have ended in a stop string, which cuts all that follows.
                return pieces if self.text.stopped else [*pieces, Piece(token, "")], FinishReason.STOP
            pieces += self.text.push(token)
            if self.text.stopped:
                return pieces, FinishReason.STOP
        if self.remaining > 0:
            return pieces, None
        pieces += self.text.finish()
        return pieces, FinishReason.STOP if self.text.stopped else FinishReason.LENGTH

    def finish(self, reason: FinishReason, now: float) -> Finish:
        admitted = now if self.admitted is None else self.admitted
        first = now if self.first_token is None else self.first_token
        return Finish(
            reason=reason,
            prompt_tokens=len(self.work.tokens),
            completion_tokens=self.emitted,
            queue_seconds=admitted - self.arrived,
            prefill_seconds=max(0.0, first - admitted),
            decode_seconds=now - first,
            first_token_seconds=first - self.arrived,
            seed=self.work.sampling.seed,
            stop=self.text.stopped.text if self.text.stopped else "",
            cached_prompt_tokens=self.cached_prompt_tokens,
            preemptions=self.preemptions,
            speculation=tally_of(self.decoder),
            adapter=self.work.adapter or "",
        )
