"""What fits, of texts to embed or to score."""

from collections.abc import Sequence

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.limits import MAX_SCORED, MAX_TEXTS, Limits
from colonnade.gateway.domain.texts import EmbeddingSpec, ScoreSpec
from colonnade.gateway.service.pipeline import Stage
from colonnade.gateway.service.stages.shape_and_size import check_names
from colonnade.security.inputs import check_text


class FitTexts(Stage):
    """Raises ``InvalidArgument`` or ``TooLarge`` naming field and limit."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits

    async def before(self, exchange: Exchange) -> None:
        spec = exchange.wanted
        if isinstance(spec, EmbeddingSpec):
            self._check("input", spec.texts, MAX_TEXTS)
        if isinstance(spec, ScoreSpec):
            check_text(spec.context, "context", self._limits.prompt_bytes, allow_empty=True)
            self._check("text", spec.texts, MAX_SCORED)
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
