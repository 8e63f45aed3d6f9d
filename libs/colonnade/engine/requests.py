"""From what was asked to work that can run: capabilities, text to tokens, limits.

Everything here may take a while on long texts; ``service`` runs it in threads.
"""

import secrets
import uuid
from collections.abc import Sequence as Row
from dataclasses import dataclass, field, replace

from colonnade.engine.answers import MAX_ANSWERS, fanned_out
from colonnade.engine.core import check_adapter
from colonnade.engine.runtime import Runtime
from colonnade.engine.sampling import Sampling
from colonnade.engine.sequence import MAX_PRIORITY, Sequence, Work
from colonnade.engine.structure import Grammar, Structure
from colonnade.engine.text import Message, Tool, check_messages, check_stops
from colonnade.errors import InvalidArgument, TooLarge, Unsupported
from colonnade.models.protocol import Capability

MAX_TEXT_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Generation:
    """A request as it was asked: ``prompt``, ``token_ids`` or ``messages``, for the model of a digest."""

    digest: str
    max_tokens: int
    prompt: str | None = None
    messages: Row[Message] = ()
    tools: Row[Tool] = ()
    """That the messages speak of."""
    token_ids: Row[int] | None = None
    """Instead of ``prompt``: one that is encoded already."""
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    tenant: str = ""
    adapter: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    seeded: bool = True
    """Whether ``sampling.seed`` was asked for; if not, the engine draws one."""
    stop: Row[str] = ()
    structure: Structure | None = None
    """The form that the answer must have."""
    n: int = 1
    """Answers to draw; each has the seed of the one before and one."""
    priority: int = 0
    deadline: float | None = None
    """On the core's clock."""

    @property
    def operation(self) -> str:
        """As OpenTelemetry calls it."""
        return "chat" if self.messages else "text_completion"


def require(runtime: Runtime, capability: Capability) -> None:
    """Raises ``Unsupported`` if the model does not declare the capability."""
    have = sorted(runtime.model.capabilities)
    if capability not in have:
        raise Unsupported(
            f"the model {runtime.ref.name!r} does not declare the capability {capability.value!r}; it has "
            f"{', '.join(have)}",
            capability=capability.value, supported=have,
        )  # fmt: skip


def require_adapter(runtime: Runtime, adapter: str) -> None:
    """Raises ``Unsupported`` if the model takes none, ``NotFound`` for one that it has not in memory."""
    if adapter:
        require(runtime, Capability.ADAPTERS)
        check_adapter(adapter, runtime)


def sequences_of(asked: Generation, runtime: Runtime, arrived: float) -> list[Sequence]:
    """The request's answers, ready to be queued: all of one prompt, whose state the first works out for all.

    Raises ``InvalidArgument``, ``TooLarge`` or ``Unsupported``."""
    _check(asked, runtime)
    grammar = _grammar(asked, runtime)
    tokens = encode(asked, runtime)
    room = runtime.model.context_length - len(tokens)
    field = "messages" if asked.messages else "prompt"
    if not tokens:
        raise InvalidArgument(f"{field} has no tokens", field=field)
    if room < 1:
        too_long(field, len(tokens), runtime.model.context_length - 1)
    sampling = asked.sampling
    if not asked.seeded:
        sampling = replace(sampling, seed=secrets.randbits(53))  # every JSON reader holds it exactly
    work = Work(
        request_id=asked.request_id,
        tenant=asked.tenant,
        tokens=tokens,
        max_tokens=min(asked.max_tokens, room),
        sampling=sampling,
        stop=check_stops(asked.stop),
        stop_ids=runtime.stop_ids,
        grammar=grammar,
        priority=asked.priority,
        deadline=asked.deadline,
        adapter=asked.adapter or None,
    )
    leader = Sequence(work, runtime, arrived)
    others = fanned_out(work, asked.n)[1:]
    return [leader, *(Sequence(other, runtime, arrived, leader=leader) for other in others)]


def _grammar(asked: Generation, runtime: Runtime) -> Grammar | None:
    if asked.structure is None:
        return None
    require(runtime, Capability.STRUCTURE)
    return runtime.grammars.compile(asked.structure)


def _check(asked: Generation, runtime: Runtime) -> None:
    require(runtime, Capability.GENERATE)
    if asked.sampling.logprobs is not None:
        require(runtime, Capability.LOGPROBS)
    require_adapter(runtime, asked.adapter)
    if not 1 <= asked.n <= MAX_ANSWERS:
        raise InvalidArgument(
            f"n must be between 1 and {MAX_ANSWERS}", field="n", limit=MAX_ANSWERS, minimum=1
        )
    _check_bias(asked.sampling, runtime.model.vocab_size)
    if asked.max_tokens < 1:
        raise InvalidArgument("max_tokens must be at least 1", field="max_tokens", limit=1)
    if abs(asked.priority) > MAX_PRIORITY:
        raise InvalidArgument(
            f"priority must be between -{MAX_PRIORITY} and {MAX_PRIORITY}",
            field="priority",
            limit=MAX_PRIORITY,
        )


def _check_bias(sampling: Sampling, vocabulary: int) -> None:
    if any(token >= vocabulary for token in sampling.logit_bias):
        raise InvalidArgument(
            f"logit_bias names a token that this model does not have; its ids are 0 to {vocabulary - 1}",
            field="logit_bias",
            limit=vocabulary - 1,
        )


def encode(asked: Generation, runtime: Runtime) -> list[int]:
    """The tokens of the prompt, or of the conversation as the model's template renders it."""
    if asked.prompt is not None:
        check_length("prompt", asked.prompt)
        return runtime.tokenizer.encode(asked.prompt)
    if asked.token_ids is not None:
        return _known(asked.token_ids, runtime.model.vocab_size)
    check_messages(asked.messages)
    _check_lengths(asked)
    if runtime.template is None:
        raise Unsupported("the model has no chat template; send a prompt instead", field="messages")
    return runtime.template.encode(runtime.tokenizer, asked.messages, asked.tools)


def _known(ids: Row[int], vocabulary: int) -> list[int]:
    if any(not 0 <= token < vocabulary for token in ids):
        raise InvalidArgument(
            f"prompt holds a token that this model does not have; its ids are 0 to {vocabulary - 1}",
            field="prompt",
            limit=vocabulary - 1,
        )
    return list(ids)


def _check_lengths(asked: Generation) -> None:
    calls = (call.arguments for message in asked.messages for call in message.tool_calls)
    check_length("messages", *(message.content for message in asked.messages), *calls)
    check_length("tools", *(f"{tool.description}{tool.parameters}" for tool in asked.tools))


def check_length(field: str, *texts: str) -> None:
    """Raises ``TooLarge`` for more characters than are worth encoding."""
    size, limit = sum(map(len, texts)), MAX_TEXT_CHARACTERS
    if size > limit:
        raise TooLarge(f"{field} has {size} characters; at most {limit}", field=field, limit=limit)


def too_long(field: str, size: int, limit: int) -> None:
    """Raises what is said of more tokens than the model takes."""
    raise InvalidArgument(
        f"{field} has {size} tokens; this model takes at most {limit}", field=field, limit=limit, tokens=size
    )
