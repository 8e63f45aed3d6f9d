"""Chunks as the caches see and keep them.

A kept answer is replayed in fewer and larger messages than it came in: each holds the tokens of several
steps, with all that was said of them. How fast it came is not said again, for nothing is computed.
"""

from collections.abc import Sequence

from google.protobuf.message import DecodeError

from colonnade.api.generation.v1 import generation_pb2 as generation_wire
from colonnade.api.inference.v1 import inference_pb2 as wire
from colonnade.inference.domain import Chunk, Parcel, Spent, Work

_TOKENS_A_MESSAGE = 64
_WHOLE = (generation_wire.FINISH_REASON_STOP, generation_wire.FINISH_REASON_LENGTH)


class WireParcels:
    def size(self, parcel: Parcel) -> int:
        size: int = parcel.ByteSize()
        return size

    def tokens(self, parcel: Parcel) -> int:
        return len(parcel.tokens)

    def spent(self, parcel: Parcel) -> Spent:
        usage = parcel.finish.usage
        return Spent(usage.prompt_tokens, usage.completion_tokens)

    def whole(self, parcel: Parcel) -> bool:
        return parcel.finish.reason in _WHOLE

    def pack(self, chunks: Sequence[Chunk]) -> bytes:
        kept = wire.KeptAnswer()
        open_: dict[int, generation_wire.Chunk] = {}
        for chunk in chunks:
            current = open_.get(chunk.index)
            if current is None:
                current = open_[chunk.index] = generation_wire.Chunk(index=chunk.index)
            _add(current, chunk.parcel)
            if chunk.last or len(current.tokens) >= _TOKENS_A_MESSAGE:
                kept.chunks.append(open_.pop(chunk.index))
        return kept.SerializeToString()

    def unpack(self, body: bytes) -> list[Chunk]:
        try:
            kept = wire.KeptAnswer.FromString(body)
        except DecodeError:
            raise ValueError("this is no packed answer") from None
        return [Chunk(each, each.HasField("finish"), each.text, each.index) for each in kept.chunks]

    def embedding(self, digest: str, text: str) -> Work:
        request = wire.EmbedRequest(texts=[text])
        request.model.digest = digest
        return Work(digest, request)

    def vector(self, parcel: Parcel) -> Sequence[float]:
        values: Sequence[float] = parcel.embeddings[0].values
        return values


def _add(to: generation_wire.Chunk, chunk: generation_wire.Chunk) -> None:
    to.text += chunk.text
    to.tokens.extend(chunk.tokens)
    if chunk.HasField("finish"):
        to.finish.CopyFrom(chunk.finish)
        to.finish.ClearField("timings")
        to.finish.ClearField("speculation")
