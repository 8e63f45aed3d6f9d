"""What fits: every protocol's request passes here, so no other file checks ranges."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.exchange import Exchange, Spec
from colonnade.gateway.domain.generation import GenerationSpec, Message
from colonnade.gateway.domain.limits import (
    GREEDY_BELOW,
    MAX_BIASES,
    MAX_CALLS,
    MAX_MESSAGES,
    MAX_NAME_BYTES,
    MAX_STOP_CHARS,
    MAX_STOPS,
    MAX_TOKEN_ID,
    RANGES,
    ROLES_IN_CHAT,
    STRUCTURE_BYTES,
    Limits,
)
from colonnade.gateway.domain.structure import FORMS, Structure
from colonnade.gateway.domain.tools import ToolCall
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.recall import check_memory
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
        if spec.prompt_tokens is not None:
            _check_tokens(spec.prompt_tokens, self._limits.prompt_bytes)
        if spec.messages is not None:
            self.check_messages(spec.messages)
        _check_numbers(spec)
        _check_stop(spec.stop)
        if spec.structure is not None:
            _check_structure(spec.structure)
        if spec.memory is not None:
            check_memory(spec, spec.memory)
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
            _check_message(message, f"messages[{index}]", most)
        check_size(sum(map(_size, messages)), most, "messages")


def _check_message(message: Message, field: str, most: int) -> None:
    """Only who calls tools, or answers for one, may have nothing to say."""
    silent = message.role == "tool" or bool(message.tool_calls)
    check_text(message.content, f"{field}.content", most, allow_empty=silent)
    check_text(message.name, f"{field}.name", MAX_NAME_BYTES, allow_empty=True, controls="line")
    if message.tool_calls and message.role != "assistant":
        raise InvalidArgument(
            f"{field}.tool_calls is for messages of the assistant", field=f"{field}.tool_calls"
        )
    if (message.role == "tool") != bool(message.tool_call_id):
        raise InvalidArgument(
            f"{field}.tool_call_id must name the call that a message of the role tool answers, and is for "
            "these only",
            field=f"{field}.tool_call_id",
        )
    check_text(
        message.tool_call_id, f"{field}.tool_call_id", MAX_NAME_BYTES, allow_empty=True, controls="line"
    )
    _check_calls(message.tool_calls, f"{field}.tool_calls", most)


def _check_calls(calls: Sequence[ToolCall], field: str, most: int) -> None:
    if len(calls) > MAX_CALLS:
        raise InvalidArgument(f"{field} may hold at most {MAX_CALLS} calls", field=field, limit=MAX_CALLS)
    for index, call in enumerate(calls):
        check_text(call.id, f"{field}[{index}].id", MAX_NAME_BYTES, controls="line")
        check_text(call.name, f"{field}[{index}].function.name", MAX_NAME_BYTES, controls="line")
        check_text(call.arguments, f"{field}[{index}].function.arguments", most, allow_empty=True)


def _size(message: Message) -> int:
    """Of all that the model is shown of it."""
    calls = sum(len(call.name.encode()) + len(call.arguments.encode()) for call in message.tool_calls)
    return len(message.content.encode()) + len(message.name.encode()) + calls


def _check_tokens(tokens: Sequence[int], most: int) -> None:
    """A token is a byte of text at least."""
    if not 1 <= len(tokens) <= most:
        raise InvalidArgument(
            f"prompt must hold between 1 and {most} token ids; {len(tokens)} were given",
            field="prompt",
            limit=most,
        )
    if not all(0 <= token <= MAX_TOKEN_ID for token in tokens):
        raise InvalidArgument(
            f"prompt must hold token ids between 0 and {MAX_TOKEN_ID}", field="prompt", limit=MAX_TOKEN_ID
        )


def _check_exclusive(spec: GenerationSpec) -> None:
    given_prompts = sum(given is not None for given in (spec.prompt, spec.prompt_tokens, spec.messages))
    if given_prompts != 1:
        given = "both were" if given_prompts else "neither was"
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
    RANGES["priority"].check("priority", spec.priority)
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
