"""What fits: texts to embed, to score or to encode, and tokens to turn into text."""

from collections.abc import Sequence

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.limits import MAX_SCORED, MAX_TEXTS, MAX_TOKEN_ID, MAX_TOKEN_IDS, Limits, Range
from colonnade.gateway.domain.texts import DetokenizeSpec, EmbeddingSpec, ScoreSpec, TokenizeSpec
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.stages.shape_and_size import ShapeAndSize, check_names
from colonnade.security.inputs import check_text

_TOKEN_ID = Range(0, MAX_TOKEN_ID)


class FitTexts(Stage):
    """Raises ``InvalidArgument`` or ``TooLarge`` naming field and limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._conversations = ShapeAndSize(limits)

    async def before(self, exchange: Exchange) -> None:
        spec = exchange.wanted
        if isinstance(spec, EmbeddingSpec):
            self._check("input", spec.texts, MAX_TEXTS)
        if isinstance(spec, ScoreSpec):
            check_text(spec.context, "context", self._limits.prompt_bytes, allow_empty=True)
            self._check("text", spec.texts, MAX_SCORED)
        if isinstance(spec, TokenizeSpec):
            self._check_encoding(spec)
        if isinstance(spec, DetokenizeSpec):
            _check_ids(spec.ids)
        check_names(spec)

    def _check(self, field: str, texts: Sequence[str], most: int) -> None:
        if not 1 <= len(texts) <= most:
            raise InvalidArgument(
                f"{field} must hold between 1 and {most} texts; {len(texts)} were given",
                field=field,
                limit=most,
            )
        for index, text in enumerate(texts):
            check_text(text, field if len(texts) == 1 else f"{field}[{index}]", self._limits.prompt_bytes)

    def _check_encoding(self, spec: TokenizeSpec) -> None:
        if (spec.prompt is None) == (spec.messages is None):
            given = "neither was" if spec.prompt is None else "both were"
            raise InvalidArgument(
                f"give either prompt or messages; {given} given",
                field="prompt",
                limit="exactly one of prompt and messages",
            )
        if spec.prompt is not None:
            check_text(spec.prompt, "prompt", self._limits.prompt_bytes, allow_empty=True)
        if spec.messages is not None:
            self._conversations.check_messages(spec.messages)


def _check_ids(ids: Sequence[int]) -> None:
    if len(ids) > MAX_TOKEN_IDS:
        raise InvalidArgument(
            f"tokens may hold at most {MAX_TOKEN_IDS} ids; {len(ids)} were given",
            field="tokens",
            limit=MAX_TOKEN_IDS,
        )
    for index, token in enumerate(ids):
        if not 0 <= token <= MAX_TOKEN_ID:
            _TOKEN_ID.check(f"tokens[{index}]", token)
