"""The contract's messages as the router's work, and what it says of its engines as messages."""

import secrets

from colonnade.api.engine.v1.engine_pb2 import StatsResponse
from colonnade.api.generation.v1 import generation_pb2 as generation_wire
from colonnade.api.generation.v1.generation_pb2 import Generation, ModelRef
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.errors import InvalidArgument
from colonnade.inference.domain import Chunk, Kind, Parcel, Spent, Work, text_keys, token_keys
from colonnade.inference.overview import EngineStatus
from colonnade.security.inputs import check_count

_CHARACTERS_PER_TOKEN = 4
_SEED_BITS = 53
MAX_FALLBACKS = 4
_LAST_IN_TURN = -10
_KINDS = {
    Kind.HIT: wire.Cached.KIND_EXACT,
    Kind.SEMANTIC: wire.Cached.KIND_SEMANTIC,
    Kind.JOINED: wire.Cached.KIND_JOINED,
    Kind.MISS: wire.Cached.KIND_MISS,
}


def generation_work(generation: Generation, tenant: str = "") -> Work:
    """A generation costs about its prompt and all that its answers may hold."""
    contents = [generation.prompt, *(message.content for message in generation.chat.messages)]
    answers = max(1, generation.n) * max(0, generation.max_tokens)
    return Work(
        generation.model.digest,
        generation,
        tokens_of(*contents) + len(generation.token_ids.ids) + answers,
        generation.session,
        generation.model.adapter,
        tenant,
        generation.request_id,
        _prefix(generation, tenant),
        named=(generation.model.name, generation.model.version),
        adapter_named=(generation.model.adapter_name, generation.model.adapter_version),
    )


def work_of(model: ModelRef, parcel: Parcel = None, tokens: int = 0) -> Work:
    """For a version, and the adapter that is named with it."""
    return Work(
        model.digest,
        parcel,
        tokens,
        adapter=model.adapter,
        named=(model.name, model.version),
        adapter_named=(model.adapter_name, model.adapter_version),
    )


def fallback_works(request: wire.GenerateRequest, tenant: str) -> list[Work]:
    """The same request of each version that may answer instead."""
    check_count(len(request.fallbacks), MAX_FALLBACKS, "fallbacks")
    return [generation_work(_of_version(request.generation, other), tenant) for other in request.fallbacks]


def shadow_work(request: wire.GenerateRequest, tenant: str) -> Work | None:
    """A copy that gives way to everyone, under a name of its own, so that nobody ends it by mistake.

    The copy draws as the original does: a request that names no seed is given one here."""
    if not request.HasField("shadow"):
        return None
    if not request.generation.sampling.HasField("seed"):
        request.generation.sampling.seed = secrets.randbits(_SEED_BITS)
    copy = _of_version(request.generation, request.shadow)
    copy.priority = _LAST_IN_TURN
    copy.request_id = f"shadow-{request.generation.request_id}"
    return generation_work(copy, tenant)


def responses_of(chunk: Chunk, request: wire.GenerateRequest) -> list[wire.GenerateResponse]:
    """One message, unless it never reached an engine: then each answer ends with nothing."""
    if chunk.left is not None:
        ended = _cancelled(request.generation, chunk.index, chunk.left)
        return [_told(wire.GenerateResponse(chunk=ended), chunk)]
    if chunk.parcel is None:
        return [
            wire.GenerateResponse(chunk=_cancelled(request.generation, index, Spent()))
            for index in range(max(1, request.generation.n))
        ]
    response = wire.GenerateResponse(chunk=chunk.parcel)
    if chunk.fallback:
        response.fallback.CopyFrom(request.fallbacks[chunk.fallback - 1])
        response.full = chunk.full
    return [_told(response, chunk)]


def engine_of(status: EngineStatus) -> wire.Engine:
    stats = status.view.stats.parcel if status.view.stats else StatsResponse()
    return wire.Engine(
        address=status.view.address,
        ready=not status.why_not,
        stats=stats,
        why_not=status.why_not,
        ejected_seconds=status.ejected_seconds,
        lease_seconds=status.lease_seconds,
        outstanding_tokens=status.view.outstanding_tokens,
        breakers=[
            wire.Breaker(digest=each.digest, state=each.state.value, seconds=each.seconds)
            for each in status.breakers
        ],
    )


def tokens_of(*texts: str) -> int:
    """About how many."""
    return 1 + sum(len(text) for text in texts) // _CHARACTERS_PER_TOKEN


def checked_request_id(text: str) -> str:
    if not text:
        raise InvalidArgument("request_id must not be empty", field="request_id")
    return text


def _texts(generation: Generation) -> list[str]:
    """What the engine reads, about in the order in which it does."""
    if not generation.HasField("chat"):
        return [generation.prompt]
    tools = [
        part for tool in generation.chat.tools for part in (tool.name, tool.description, tool.parameters)
    ]
    return [*tools, *(part for each in generation.chat.messages for part in (each.role, each.content))]


def _prefix(generation: Generation, tenant: str) -> tuple[bytes, ...]:
    root = (generation.model.digest, generation.model.adapter, tenant)
    if generation.token_ids.ids:
        return token_keys(root, generation.token_ids.ids)
    return text_keys(root, _texts(generation))


def _of_version(generation: Generation, version: ModelRef) -> Generation:
    copy = Generation()
    copy.CopyFrom(generation)
    copy.model.CopyFrom(version)
    return copy


def _told(response: wire.GenerateResponse, chunk: Chunk) -> wire.GenerateResponse:
    """With what the caches had to do with it."""
    if (cached := chunk.cached) is not None:
        response.cached.kind = _KINDS[cached.kind]
        response.cached.age_seconds = cached.age_seconds
        response.cached.similarity = cached.similarity
        if cached.generated is not None:
            response.cached.generated_prompt_tokens = cached.generated.prompt
            response.cached.generated_completion_tokens = cached.generated.completion
    return response


def _cancelled(generation: Generation, index: int, spent: Spent) -> generation_wire.Chunk:
    finish = generation_wire.Finish(
        reason=generation_wire.FINISH_REASON_CANCELLED,
        usage=generation_wire.Usage(prompt_tokens=spent.prompt, completion_tokens=spent.completion),
        model=generation.model,
        seed=generation.sampling.seed,
    )
    return generation_wire.Chunk(finish=finish, index=index)
