"""Log-probabilities of a given text: a request whose tokens are known beforehand."""

from collections.abc import Sequence

from colonnade.models.protocol import Outputs, SampledToken, Sampler, SequenceView, Span, Step

CHUNK = 128
"""Positions scored in one forward: each has a row of logits as wide as the vocabulary."""


class ScoreDecoder:
    """Walks through a text and emits each of its tokens with its logprob, instead of drawing any.

    The sequence's own tokens are the context, at least one; those to be scored follow as they are emitted.
    """

    def __init__(self, context: Sequence[int], text: Sequence[int]) -> None:
        self._tokens = [*context, *text]
        self._first = len(context)

    def plan(self, sequence: SequenceView, budget: int) -> Span:
        start = sequence.committed
        end = min(len(self._tokens) - 1, start + min(budget, CHUNK))  # nothing follows the last token
        want = tuple(range(max(0, self._first - 1 - start), end - start))
        return Span(sequence.handle, self._tokens[start:end], start, commit=end - start, want=want)

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        if not span.want:
            return Step()
        following = [self._tokens[span.start + offset + 1] for offset in span.want]
        logprobs_WV = outputs.logits_WV.float().log_softmax(-1)
        return Step(
            emit=[
                SampledToken(token, float(row_V[token]))
                for token, row_V in zip(following, logprobs_WV, strict=True)
            ]
        )
