"""Between protobuf messages and the engine's own words."""

from collections.abc import Sequence

from colonnade.api.engine.v1 import engine_pb2
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.registry.v1 import manifest_pb2
from colonnade.engine.artefacts import Artefact, Manifest
from colonnade.engine.delivery import Chunk
from colonnade.engine.embedding import Embedded, Embedding
from colonnade.engine.loading import Progress
from colonnade.engine.requests import Generation
from colonnade.engine.runtime import ModelRef, Runtime
from colonnade.engine.sampling import Sampling
from colonnade.engine.scoring import Scored, Scoring
from colonnade.engine.seals import Seals
from colonnade.engine.sequence import Finish, FinishReason
from colonnade.engine.speculation.decoder import Tally
from colonnade.engine.structure import Calls, Form, Signature, Structure
from colonnade.engine.text import Message, Piece, Tokenizer, Tool, ToolCall
from colonnade.engine.tokens import Tokenized, Tokenizing
from colonnade.errors import InvalidArgument
from colonnade.models.adapters import bank_of
from colonnade.security.inputs import digest as check_digest
from colonnade.security.inputs import relative_artefact_path

_REASONS = {
    FinishReason.STOP: generation_pb2.FINISH_REASON_STOP,
    FinishReason.LENGTH: generation_pb2.FINISH_REASON_LENGTH,
    FinishReason.CANCELLED: generation_pb2.FINISH_REASON_CANCELLED,
    FinishReason.DEADLINE: generation_pb2.FINISH_REASON_DEADLINE,
}


def generation_of(
    message: generation_pb2.Generation, *, tenant: str, request_id: str, deadline: float | None
) -> Generation:
    """``request_id`` stands where the message has none. A field left at 0 is off, as the proto says."""
    if message.WhichOneof("input") is None:
        raise InvalidArgument("either prompt or chat must be set", field="prompt")
    given = message.WhichOneof("input")
    return Generation(
        digest=check_digest(message.model.digest, "model.digest"),
        adapter=_adapter(message.model),
        request_id=message.request_id or request_id,
        tenant=tenant,
        prompt=message.prompt if given == "prompt" else None,
        token_ids=message.token_ids.ids if given == "token_ids" else None,
        messages=tuple(map(_message, message.chat.messages)),
        tools=tuple(Tool(each.name, each.description, each.parameters) for each in message.chat.tools),
        sampling=_sampling(message),
        seeded=message.sampling.HasField("seed"),
        max_tokens=message.max_tokens,
        stop=tuple(message.stop),
        structure=_structure(message.structure),
        n=message.n or 1,
        priority=message.priority,
        deadline=deadline,
    )


def _message(message: generation_pb2.ChatMessage) -> Message:
    calls = tuple(ToolCall(call.id, call.name, call.arguments) for call in message.tool_calls)
    return Message(message.role, message.content, message.name, calls, message.tool_call_id)


def _sampling(message: generation_pb2.Generation) -> Sampling:
    sampling = message.sampling
    return Sampling(
        temperature=sampling.temperature,
        top_k=sampling.top_k,
        top_p=sampling.top_p or 1.0,
        min_p=sampling.min_p,
        repetition_penalty=sampling.repetition_penalty or 1.0,
        seed=sampling.seed,
        logprobs=message.logprobs if message.HasField("logprobs") else None,
        frequency_penalty=sampling.frequency_penalty,
        presence_penalty=sampling.presence_penalty,
        logit_bias=dict(sampling.logit_bias),
    )


def _structure(message: generation_pb2.Structure) -> Structure | None:
    name = message.WhichOneof("form")
    if name is None:
        return None
    form = Form(name)
    if form is Form.CALLS:
        return _calls(message.calls)
    if form is not Form.JSON_OBJECT:
        return Structure(form, getattr(message, name))
    return Structure(form) if message.json_object else None


def _calls(message: generation_pb2.Calls) -> Structure:
    tools = [Signature(tool.name, tool.parameters) for tool in message.tools]
    return Calls(tools, message.required, message.many, message.text_schema).structure()


def embedding_of(
    message: engine_pb2.EmbedRequest, tenant: str, request_id: str, deadline: float | None
) -> Embedding:
    return Embedding(
        digest=check_digest(message.model.digest, "model.digest"),
        texts=message.texts,
        truncate=message.truncate,
        adapter=_adapter(message.model),
        request_id=request_id,
        tenant=tenant,
        deadline=deadline,
    )


def scoring_of(
    message: engine_pb2.ScoreRequest, tenant: str, request_id: str, deadline: float | None
) -> Scoring:
    return Scoring(
        digest=check_digest(message.model.digest, "model.digest"),
        context=message.context,
        texts=message.texts or [message.text],
        adapter=_adapter(message.model),
        request_id=request_id,
        tenant=tenant,
        deadline=deadline,
    )


def tokenizing_of(message: engine_pb2.TokenizeRequest, tenant: str) -> Tokenizing:
    """A conversation is rendered as for a generation, so it is read as one."""
    generation = generation_pb2.Generation(model=message.model)
    if message.WhichOneof("input") == "text":
        generation.prompt = message.text
    elif message.WhichOneof("input") == "chat":
        generation.chat.CopyFrom(message.chat)
    asked = generation_of(generation, tenant=tenant, request_id="", deadline=None)
    return Tokenizing(asked, message.add_special_tokens, message.with_texts)


def tokens_in(tokenized: Tokenized, runtime: Runtime) -> engine_pb2.TokenizeResponse:
    return engine_pb2.TokenizeResponse(
        ids=tokenized.ids,
        texts=tokenized.texts,
        context_length=runtime.model.context_length,
        model=model_ref(runtime.ref),
    )


def _adapter(model: generation_pb2.ModelRef) -> str:
    return check_digest(model.adapter, "model.adapter") if model.adapter else ""


def manifest_of(message: manifest_pb2.Manifest) -> Manifest:
    if not message.artefacts:
        raise InvalidArgument("the manifest names no files", field="manifest.artefacts")
    ref = ModelRef(message.name, message.version, check_digest(message.digest, "manifest.digest"))
    artefacts = [
        Artefact(
            relative_artefact_path(each.path, field="manifest.artefacts.path"),
            check_digest(each.digest, "manifest.artefacts.digest"),
            each.size_bytes,
        )
        for each in message.artefacts
    ]
    return Manifest(
        ref,
        message.family,
        message.parameters,
        artefacts,
        tenant=message.tenant,
        size_label=message.size_label,
        context_length=message.context_length,
        base=message.base,
        seal=message.seal,
    )


def chunk_of(chunk: Chunk, runtime: Runtime) -> generation_pb2.Chunk:
    return generation_pb2.Chunk(
        text=chunk.text,
        tokens=tokens_of(chunk.pieces, runtime.tokenizer),
        finish=_finish(chunk.finish, runtime.ref) if chunk.finish else None,
        index=chunk.index,
    )


def tokens_of(pieces: Sequence[Piece], tokenizer: Tokenizer) -> list[generation_pb2.Token]:
    return [
        generation_pb2.Token(
            id=piece.token.id,
            text=piece.text,
            logprob=piece.token.logprob,
            top=[
                generation_pb2.TokenLogprob(id=rival, text=tokenizer.decode([rival]), logprob=logprob)
                for rival, logprob in piece.token.top
            ],
        )
        for piece in pieces
    ]


def scores_of(scored: Scored, runtime: Runtime, adapter: str = "") -> engine_pb2.ScoreResponse:
    """The first text's stands twice: beside the list, for those who asked for one."""
    scores = [
        engine_pb2.ScoredText(
            tokens=tokens_of(pieces, runtime.tokenizer),
            total_logprob=sum(piece.token.logprob or 0.0 for piece in pieces),
        )
        for pieces in scored.texts
    ]
    return engine_pb2.ScoreResponse(
        tokens=scores[0].tokens,
        total_logprob=scores[0].total_logprob,
        model=model_ref(runtime.ref, adapter),
        scores=scores,
        prompt_tokens=scored.prompt_tokens,
    )


def embeddings_of(embedded: Embedded, runtime: Runtime, adapter: str = "") -> engine_pb2.EmbedResponse:
    return engine_pb2.EmbedResponse(
        embeddings=[engine_pb2.Embedding(values=vector) for vector in embedded.vectors],
        prompt_tokens=embedded.prompt_tokens,
        model=model_ref(runtime.ref, adapter),
    )


def _finish(finish: Finish, ref: ModelRef) -> generation_pb2.Finish:
    return generation_pb2.Finish(
        reason=_REASONS[finish.reason],
        usage=generation_pb2.Usage(
            prompt_tokens=finish.prompt_tokens,
            completion_tokens=finish.completion_tokens,
            cached_prompt_tokens=finish.cached_prompt_tokens,
        ),
        timings=generation_pb2.Timings(
            queue_seconds=finish.queue_seconds,
            prefill_seconds=finish.prefill_seconds,
            decode_seconds=finish.decode_seconds,
            time_to_first_token_seconds=finish.first_token_seconds,
        ),
        model=model_ref(ref, finish.adapter),
        seed=finish.seed,
        stop=finish.stop,
        speculation=_speculation(finish.speculation) if finish.speculation else None,
    )


def _speculation(tally: Tally) -> generation_pb2.Speculation:
    return generation_pb2.Speculation(proposed=tally.proposed, accepted=tally.accepted)


def model_ref(ref: ModelRef, adapter: str = "") -> generation_pb2.ModelRef:
    return generation_pb2.ModelRef(name=ref.name, version=ref.version, digest=ref.digest, adapter=adapter)


def loaded_model(runtime: Runtime, running: int, waiting: int, seals: Seals) -> engine_pb2.LoadedModel:
    adapters = list(bank_of(runtime.model) or ())
    return engine_pb2.LoadedModel(
        model=model_ref(runtime.ref),
        family=runtime.family,
        capabilities=sorted(runtime.model.capabilities),
        memory_bytes=runtime.memory_bytes,
        context_length=runtime.model.context_length,
        running=running,
        waiting=waiting,
        weights=runtime.weights,
        adapters=adapters,
        sealed=[model_ref(each) for each in seals.good({runtime.ref.digest, *adapters})],
    )


def progress_of(progress: Progress, loaded: engine_pb2.LoadedModel | None) -> engine_pb2.LoadResponse:
    return engine_pb2.LoadResponse(stage=progress.stage, fraction=progress.fraction, loaded=loaded)
