"""Decoding orders that several families share."""

from colonnade.models.protocol import Outputs, Sampler, SequenceView, Span, Step


class AutoregressiveDecoder:
    """Left to right, one token a forward pass: the prompt in chunks of the budget, then each new token.

    Only the pass that reaches the last token wants logits, and it decides the next one.
    """

    def plan(self, sequence: SequenceView, budget: int) -> Span:
        start, length = sequence.committed, len(sequence.tokens)
        assert start < length, "the last token is never committed before its successor is drawn"
        end = min(length, start + max(1, budget))
        tokens = sequence.tokens[start:end]
        want = (len(tokens) - 1,) if end == length else ()
        return Span(sequence.handle, tokens, start, commit=len(tokens), want=want)

    def absorb(self, sequence: SequenceView, span: Span, outputs: Outputs, sample: Sampler) -> Step:
        if not span.want:
            return Step()
        return Step(emit=(sample(outputs.logits_WV[-1], span.start + len(span.tokens)),))
