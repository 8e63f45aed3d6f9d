"""One request on its way through the stages, and what each of them found out."""

import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from colonnade.gateway.domain.caching import Cached, Caching
from colonnade.gateway.domain.fair_use import Allowance
from colonnade.gateway.domain.generation import Finish, GenerationSpec, together
from colonnade.gateway.domain.guarding import GuardUse
from colonnade.gateway.domain.memory import MemoryUse
from colonnade.gateway.domain.models import Target, Watched
from colonnade.gateway.domain.texts import (
    DetokenizeSpec,
    Embedded,
    EmbeddingSpec,
    Scored,
    ScoreSpec,
    Tokenized,
    TokenizeSpec,
)
from colonnade.gateway.domain.usage import Tally
from colonnade.security.identity import Principal

Spec: TypeAlias = GenerationSpec | EmbeddingSpec | ScoreSpec | TokenizeSpec | DetokenizeSpec
_KEPT = 64
"""Of a request id, in the id of a call."""


@dataclass(frozen=True, slots=True)
class Caller:
    """On whose behalf, under which request id and until when another service is called."""

    principal: Principal
    request_id: str
    deadline: float | None = None
    """On ``time.monotonic()``'s clock."""
    call_id: str = ""
    """What a generation is aborted by; unlike the request id, no client chooses it."""
    caching: Caching = field(default_factory=Caching)
    """What they want of answers that are kept."""
    whole: bool = False
    """They are shown nothing of an answer before all of it is there."""


@dataclass(slots=True)
class Exchange:
    """Stages write their findings here; later stages and the renderer read them."""

    request_id: str
    credential: str = field(default="", repr=False)
    """The API key as it came; empty without one."""
    received: float = field(default_factory=time.monotonic)
    deadline: float | None = None

    route: str = ""
    """"POST /generate": set as soon as the router knows it, and the key of the access table."""
    identity: Principal | None = None
    pinned: bool = False
    """The key speaks for one subject only."""
    spec: Spec | None = None
    most_priority: int | None = None
    """Of what nobody waits for."""
    target: Target | None = None
    watched: Watched | None = None
    """The rollout of the alias that the target was drawn from."""
    degraded: list[str] = field(default_factory=list)
    """Parts of the platform that this answer had to do without."""

    first_token_at: float | None = None
    last_token_at: float | None = None
    tokens: int = 0
    finishes: dict[int, Finish] = field(default_factory=dict)
    """Of each answer that has ended."""
    embedded: Embedded | None = None
    scored: Scored | None = None
    tokenized: Tokenized | None = None
    detokenized: str | None = None
    lease: str = field(default_factory=lambda: uuid.uuid4().hex)
    """Names this request among all that run: clients choose request ids, and may choose one twice."""
    caching: Caching = field(default_factory=Caching)
    cached: Cached | None = None
    """What the caches had to do with the answer, once it has begun."""
    memory: MemoryUse | None = None
    """What memory had to do with it, where that was asked for."""
    sent: GenerationSpec | None = None
    """What was asked before memory added to it, where it did."""
    guard: GuardUse | None = None
    """What the guard said, where there is one."""
    stop: Callable[[], Awaitable[None]] | None = field(default=None, repr=False)
    """Ends the generation under way, whose stream still says how it ended."""
    tally: Tally = field(default_factory=Tally)
    """What the model's work took, the answer's end awaited or not."""
    allowance: Allowance | None = None
    """What is left to the caller."""
    whole: bool = False
    """Nothing of the answer is shown before its end."""
    failure: str = ""
    """The error's code where it failed; ``cancelled`` where the client went away."""

    @property
    def principal(self) -> Principal:
        """Who asks. ``LookupError`` before Authenticate: a mistake of ours."""
        if self.identity is None:
            raise LookupError("the exchange has not been authenticated")
        return self.identity

    @property
    def finish(self) -> Finish | None:
        """Of all answers that have ended, together."""
        return together(self.finishes) if self.finishes else None

    @property
    def wanted(self) -> Spec:
        """What is asked of a model. ``LookupError`` on routes that ask nothing of one."""
        if self.spec is None:
            raise LookupError("the exchange asks nothing of a model")
        return self.spec

    @property
    def asked(self) -> GenerationSpec:
        """What is asked. ``LookupError`` outside generation."""
        if not isinstance(self.spec, GenerationSpec):
            raise LookupError("the exchange asks for no generation")
        return self.spec

    @property
    def caller(self) -> Caller:
        call_id = f"{self.request_id[:_KEPT]}.{self.lease}"
        return Caller(self.principal, self.request_id, self.deadline, call_id, self.caching, whole=self.whole)
