"""The generator on the inference service's gRPC."""

import json
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.errors import error_of
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.everyone import Everyone
from colonnade.gateway.domain.caching import MISS, Cached
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.generation import (
    Chunk,
    Finish,
    GenerationSpec,
    Message,
    Rival,
    Sampling,
    Timings,
    Token,
    Usage,
)
from colonnade.gateway.domain.models import Target
from colonnade.gateway.domain.structure import Structure
from colonnade.gateway.domain.tools import Tool
from colonnade.rpc import every_address

_REASONS = {
    generation_pb2.FINISH_REASON_STOP: "stop",
    generation_pb2.FINISH_REASON_LENGTH: "length",
    generation_pb2.FINISH_REASON_CANCELLED: "cancelled",
    generation_pb2.FINISH_REASON_DEADLINE: "deadline",
}
_ABORT_SECONDS = 1.0
_TELL_SECONDS = 2.0
"""After the deadline, for what came of an answer until then to be told."""
_LEAST_SECONDS = 0.001
"""Of a request whose deadline is past: 0 would be none."""
_KINDS = {
    inference_pb2.Cached.KIND_EXACT: "hit",
    inference_pb2.Cached.KIND_SEMANTIC: "semantic",
    inference_pb2.Cached.KIND_JOINED: "joined",
}


class InferenceGenerator:
    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._stub = InferenceServiceStub(calls.peer.channel)

    def stream(self, caller: Caller, spec: GenerationSpec, target: Target) -> AsyncGenerator[Chunk, None]:
        # Log-probabilities take many times the room of the text: they come bit by bit all the same.
        if caller.whole and spec.logprobs is None:
            return self._whole(caller, spec, target)
        return self._step_by_step(caller, spec, target)

    async def _step_by_step(
        self, caller: Caller, spec: GenerationSpec, target: Target
    ) -> AsyncGenerator[Chunk, None]:
        request = _request(caller, spec, target)
        answers = self._calls.stream(caller, self._stub.Generate, request, inference_pb2.GenerateResponse)
        async with aclosing(answers):
            async for answer in answers:
                yield _chunk(answer)

    async def _whole(
        self, caller: Caller, spec: GenerationSpec, target: Target
    ) -> AsyncGenerator[Chunk, None]:
        """What came is told even where the answer broke off: it was generated."""
        request, seconds = _request(caller, spec, target), 0.0
        if caller.deadline is not None:
            seconds = max(_LEAST_SECONDS, caller.deadline - time.monotonic())
            caller = replace(caller, deadline=caller.deadline + _TELL_SECONDS)
        answer = await self._calls.unary(
            caller,
            self._stub.GenerateWhole,
            inference_pb2.GenerateWholeRequest(request=request, seconds=seconds),
            inference_pb2.GenerateWholeResponse,
        )
        for part in answer.parts:
            yield _chunk(part)
        if answer.HasField("fault"):
            fault = answer.fault
            raise error_of(fault.code, fault.message, json.loads(fault.details or "{}"))

    async def abort(self, caller: Caller) -> bool:
        """Of several inference services only one has it, and nobody here knows which."""
        request = inference_pb2.AbortRequest(request_id=_call_id(caller))
        if len(await every_address(self._calls.peer.address)) == 1:
            answer = await self._calls.unary(
                caller, self._stub.Abort, request, inference_pb2.AbortResponse, _ABORT_SECONDS
            )
            return answer.found
        everyone = Everyone(self._calls.peer.address, self._calls.identity)
        answers, _ = await everyone.reached(
            caller, lambda stub: stub.Abort, request, inference_pb2.AbortResponse, _ABORT_SECONDS
        )
        return any(each.found for each in answers)


def _request(caller: Caller, spec: GenerationSpec, target: Target) -> inference_pb2.GenerateRequest:
    return inference_pb2.GenerateRequest(
        generation=generation_of(caller, spec, target),
        fallbacks=[model_ref(each) for each in target.fallbacks],
        shadow=model_ref(target.shadow) if target.shadow else None,
        caching=_caching(caller),
    )


def _caching(caller: Caller) -> inference_pb2.Caching:
    wanted = caller.caching
    return inference_pb2.Caching(
        refresh=wanted.refresh,
        off=wanted.off,
        personal=wanted.personal,
        policy_version=wanted.policy_version,
    )


def _cached(cached: inference_pb2.Cached) -> Cached:
    return Cached(
        _KINDS.get(cached.kind, MISS),
        cached.age_seconds,
        cached.similarity,
        cached.generated_prompt_tokens,
        cached.generated_completion_tokens,
    )


def _call_id(caller: Caller) -> str:
    return caller.call_id or caller.request_id


def generation_of(caller: Caller, spec: GenerationSpec, target: Target) -> generation_pb2.Generation:
    """The request as it travels from here to the engine."""
    generation = generation_pb2.Generation(
        request_id=_call_id(caller),
        priority=spec.priority,
        model=model_ref(target),
        sampling=_sampling(spec.sampling),
        max_tokens=spec.max_tokens,
        stop=spec.stop,
        logprobs=spec.logprobs,
        structure=_structure_of(spec),
        n=spec.n,
    )
    if spec.messages is not None:
        generation.chat.CopyFrom(chat_of(spec.messages, spec.offered))
    elif spec.prompt_tokens is not None:
        generation.token_ids.ids.extend(spec.prompt_tokens)
    else:
        generation.prompt = spec.prompt or ""
    return generation


def chat_of(messages: Sequence[Message], tools: Sequence[Tool] = ()) -> generation_pb2.Chat:
    return generation_pb2.Chat(messages=[_message(message) for message in messages], tools=map(_tool, tools))


def _message(message: Message) -> generation_pb2.ChatMessage:
    return generation_pb2.ChatMessage(
        role=message.role,
        content=message.content,
        name=message.name,
        tool_calls=[
            generation_pb2.ToolCall(id=call.id, name=call.name, arguments=call.arguments)
            for call in message.tool_calls
        ],
        tool_call_id=message.tool_call_id,
    )


def _tool(tool: Tool) -> generation_pb2.Tool:
    return generation_pb2.Tool(name=tool.name, description=tool.description, parameters=tool.parameters)


def model_ref(target: Target) -> generation_pb2.ModelRef:
    ref = generation_pb2.ModelRef(name=target.name, version=target.version, digest=target.digest)
    if adapter := target.adapter:
        ref.adapter, ref.adapter_name, ref.adapter_version = adapter.digest, adapter.name, adapter.version
    return ref


def _sampling(sampling: Sampling) -> generation_pb2.Sampling:
    return generation_pb2.Sampling(
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p,
        min_p=sampling.min_p,
        repetition_penalty=sampling.repetition_penalty,
        seed=sampling.seed,
        frequency_penalty=sampling.frequency_penalty,
        presence_penalty=sampling.presence_penalty,
        logit_bias=sampling.logit_bias,
    )


def _structure_of(spec: GenerationSpec) -> generation_pb2.Structure | None:
    """What ``structure`` asks for; with tools, that is the form of the text beside their calls."""
    if spec.offered:
        return generation_pb2.Structure(calls=_calls(spec))
    return _structure(spec.structure) if spec.structure else None


def _calls(spec: GenerationSpec) -> generation_pb2.Calls:
    text, choice = spec.structure, spec.tool_choice
    schema = (text.json_schema or '{"type": "object"}') if text else ""
    return generation_pb2.Calls(
        tools=map(_tool, spec.callable),
        required=choice.mode == "required",
        many=choice.many,
        text_schema=schema,
    )


def _structure(structure: Structure) -> generation_pb2.Structure:
    return generation_pb2.Structure(**{form: getattr(structure, form) for form in structure.given})


def _chunk(answer: inference_pb2.GenerateResponse) -> Chunk:
    chunk = answer.chunk
    return Chunk(
        chunk.text,
        tuple(token_of(token) for token in chunk.tokens),
        _finish(chunk.finish) if chunk.HasField("finish") else None,
        chunk.index,
        answer.fallback.digest,
        cached=_cached(answer.cached) if answer.HasField("cached") else None,
        unlisted=answer.unlisted_tokens,
        full=answer.full,
    )


def token_of(token: generation_pb2.Token) -> Token:
    logprob = token.logprob if token.HasField("logprob") else None
    top = tuple(Rival(rival.id, rival.text, rival.logprob) for rival in token.top)
    return Token(token.id, token.text, logprob, top)


def _finish(finish: generation_pb2.Finish) -> Finish:
    usage, timings = finish.usage, finish.timings
    return Finish(
        reason=_REASONS.get(finish.reason, "stop"),
        usage=Usage(
            usage.prompt_tokens,
            usage.completion_tokens,
            usage.cached_prompt_tokens,
            finish.speculation.proposed,
            finish.speculation.accepted,
        ),
        timings=Timings(
            timings.queue_seconds,
            timings.prefill_seconds,
            timings.decode_seconds,
            timings.time_to_first_token_seconds,
        ),
        seed=finish.seed,
        stop=finish.stop,
    )
