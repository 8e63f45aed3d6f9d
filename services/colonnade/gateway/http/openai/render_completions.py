"""Completions as JSON, and as events: those of all prompts, one after the other in ``choices``."""

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colonnade.errors import Internal
from colonnade.gateway.domain.exchange import Exchange
from colonnade.gateway.domain.generation import Chunk, Finish, Token, together
from colonnade.gateway.http.openai.about import fingerprint, finite, model_of, reason_of, usage_of
from colonnade.gateway.http.render_generation import headers_of
from colonnade.gateway.http.wire_guard import guard_part


class CompletionRenderer:
    """Answer ``i`` of prompt ``p`` is the choice ``p * n + i``: chunks are numbered so already."""

    status = 200

    def __init__(
        self,
        exchange: Exchange,
        prompts: int,
        *,
        usage: bool = False,
        echoes: Sequence[str] = (),
    ) -> None:
        """``echoes``: what the answers of each prompt begin with."""
        self._exchange = exchange
        self._expected = prompts * exchange.asked.n
        self._usage = usage
        self._echoes = echoes
        self._created = int(time.time())
        self._offsets: dict[int, int] = {}
        self._ended: dict[int, Finish] = {}

    def headers(self) -> Mapping[str, str]:
        return headers_of(self._exchange)

    def events(self, item: Chunk) -> Iterator[Mapping[str, Any]]:
        text = self._echo(item.index) + item.text if item.index not in self._offsets else item.text
        if text or item.tokens:
            yield self._event([self._choice(item.index, text, item.tokens, None)])
        if item.finish is not None:
            self._ended[item.index] = item.finish
            last = len(self._ended) == self._expected
            about = guard_part(self._exchange.guard) if last else {}
            yield self._event([self._choice(item.index, "", (), reason_of(item.finish))]) | about
            if self._usage and last:
                yield self._event([]) | {"usage": self._used(self._ended)}

    def whole(self, items: list[Chunk]) -> Mapping[str, Any]:
        finishes = {item.index: item.finish for item in items if item.finish is not None}
        if len(finishes) != self._expected:
            raise Internal("the answer has no end")
        choices = []
        for index in sorted(finishes):
            mine = [item for item in items if item.index == index]
            text = self._echo(index) + "".join(item.text for item in mine)
            tokens = [token for item in mine for token in item.tokens]
            choices.append(self._choice(index, text, tokens, reason_of(finishes[index])))
        about = guard_part(self._exchange.guard)
        return self._head() | {"choices": choices, "usage": self._used(finishes)} | about

    def _echo(self, index: int) -> str:
        return self._echoes[index // self._exchange.asked.n] if self._echoes else ""

    def _used(self, finishes: Mapping[int, Finish]) -> dict[str, Any]:
        """Each prompt once, and all answers."""
        n = self._exchange.asked.n
        groups = [range(first, first + n) for first in range(0, self._expected, n)]
        return usage_of([together({index: finishes[index] for index in group}) for group in groups])

    def _choice(self, index: int, text: str, tokens: Sequence[Token], reason: str | None) -> dict[str, Any]:
        offset = self._offsets.get(index, 0)
        self._offsets[index] = offset + len(text)
        scored = self._exchange.asked.logprobs is not None
        logprobs = _logprobs(tokens, offset) if scored and (tokens or reason is None) else None
        return {"text": text, "index": index, "logprobs": logprobs, "finish_reason": reason}

    def _event(self, choices: list[dict[str, Any]]) -> dict[str, Any]:
        event = self._head() | {"choices": choices}
        return event | ({"usage": None} if self._usage else {})

    def _head(self) -> dict[str, Any]:
        return {
            "id": f"cmpl-{self._exchange.request_id}",
            "object": "text_completion",
            "created": self._created,
            "model": model_of(self._exchange),
            "system_fingerprint": fingerprint(self._exchange),
        }


def _logprobs(tokens: Sequence[Token], offset: int) -> dict[str, Any]:
    """Where each token begins is counted in characters, from ``offset`` on."""
    offsets = []
    for token in tokens:
        offsets.append(offset)
        offset += len(token.text)
    return {
        "tokens": [token.text for token in tokens],
        "token_logprobs": [finite(token.logprob) for token in tokens],
        "top_logprobs": [
            {rival.text: finite(rival.logprob) for rival in reversed(token.top)} for token in tokens
        ],
        "text_offset": offsets,
    }
