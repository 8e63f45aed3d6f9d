"""What fits: every protocol's request passes here, so no other file checks ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.exchange import Exchange, Spec
from colonnade.gateway.domain.generation import GenerationSpec, Message
from colonnade.gateway.domain.limits import (
    GREEDY_BELOW,
    MAX_BIASES,
    MAX_MESSAGES,
    MAX_STOP_CHARS,
    MAX_STOPS,
    RANGES,
    ROLES_IN_CHAT,
    STRUCTURE_BYTES,
    Limits,
)
from colonnade.gateway.domain.structure import FORMS, Structure
from colonnade.gateway.service.pipeline import Stage
from colonnade.security.inputs import check_size, check_text, model_reference, size_label, subject_name

_SAMPLED = (
    "temperature", "top_k", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty"
)  # fmt: skip


class ShapeAndSize(Stage):
    """Raises ``InvalidArgument`` or ``TooLarge`` naming field and limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def before(self, exchange: Exchange) -> None:
        spec = exchange.asked
        _check_exclusive(spec)
        if spec.prompt is not None:
            check_text(spec.prompt, "prompt", self._limits.prompt_bytes)
        if spec.messages is not None:
            self.check_messages(spec.messages)
        _check_numbers(spec)
        _check_stop(spec.stop)
        if spec.structure is not None:
            _check_structure(spec.structure)
        check_names(spec)
        if spec.sampling.temperature < GREEDY_BELOW:
            exchange.spec = replace(spec, sampling=replace(spec.sampling, temperature=0.0))

    def check_messages(self, messages: Sequence[Message]) -> None:
        """A conversation, whatever is asked about it."""
        most = self._limits.prompt_bytes
        if not 1 <= len(messages) <= MAX_MESSAGES:
            raise InvalidArgument(
                f"messages must hold between 1 and {MAX_MESSAGES} messages; {len(messages)} were given",
                field="messages",
                limit=MAX_MESSAGES,
            )
        for index, message in enumerate(messages):
            if message.role not in ROLES_IN_CHAT:
                field = f"messages[{index}].role"
                known = ", ".join(ROLES_IN_CHAT)
                raise InvalidArgument(f"{field} must be one of {known}", field=field, limit=known)
            check_text(message.content, f"messages[{index}].content", most)
        check_size(sum(len(message.content.encode()) for message in messages), most, "messages")


def _check_exclusive(spec: GenerationSpec) -> None:
    if (spec.prompt is None) == (spec.messages is None):
        given = "neither was" if spec.prompt is None else "both were"
        raise InvalidArgument(
            f"give either prompt or messages; {given} given",
            field="prompt",
            limit="exactly one of prompt and messages",
        )


def _check_numbers(spec: GenerationSpec) -> None:
    RANGES["max_tokens"].check("max_tokens", spec.max_tokens)
    for field in _SAMPLED:
        RANGES[field].check(field, getattr(spec.sampling, field))
    if spec.sampling.seed is not None:
        RANGES["seed"].check("seed", spec.sampling.seed)
    if spec.logprobs is not None:
        RANGES["logprobs"].check("logprobs", spec.logprobs)
    RANGES["n"].check("n", spec.n)
    _check_bias(spec.sampling.logit_bias)


def _check_bias(bias: Mapping[int, float]) -> None:
    if len(bias) > MAX_BIASES:
        raise InvalidArgument(
            f"logit_bias may name at most {MAX_BIASES} tokens; {len(bias)} were given",
            field="logit_bias",
            limit=MAX_BIASES,
        )
    for token, value in bias.items():
        RANGES["logit_bias"].check(f"logit_bias.{token}", value)


def _check_structure(structure: Structure) -> None:
    if len(structure.given) != 1:
        known = ", ".join(FORMS)
        raise InvalidArgument(
            f"structure must have exactly one of {known}; {len(structure.given)} were given",
            field="structure",
            limit=f"exactly one of {known}",
        )
    for form, most in STRUCTURE_BYTES.items():
        if (text := getattr(structure, form)) is not None:
            check_text(text, f"structure.{form}", most)


def _check_stop(stop: tuple[str, ...]) -> None:
    if len(stop) > MAX_STOPS:
        raise InvalidArgument(
            f"stop may hold at most {MAX_STOPS} strings; {len(stop)} were given",
            field="stop",
            limit=MAX_STOPS,
        )
    for index, text in enumerate(stop):
        field = f"stop[{index}]"
        check_text(text, field, 4 * MAX_STOP_CHARS)
        if len(text) > MAX_STOP_CHARS:
            raise InvalidArgument(
                f"{field} may have at most {MAX_STOP_CHARS} characters", field=field, limit=MAX_STOP_CHARS
            )


def check_names(spec: Spec) -> None:
    """Which model is asked for, and for whom."""
    if spec.model and spec.model_size:
        raise InvalidArgument(
            "give either model or model_size; both were given",
            field="model_size",
            limit="at most one of model and model_size",
        )
    if spec.model:
        model_reference(spec.model, "model")
    if spec.adapter:
        model_reference(spec.adapter, "adapter")
    if spec.model_size:
        size_label(spec.model_size, "model_size")
    if spec.user:
        subject_name(spec.user, "user")
