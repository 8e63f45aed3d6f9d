"""A sequence in vLLM's words, and what vLLM answers in ours. Nothing here imports vLLM.

Text is ours to make, so vLLM gets tokens and gives tokens; it ends at the model's end tokens and after
``max_tokens``, and stop strings are found in the text.
"""

import json
from collections.abc import Mapping
from collections.abc import Sequence as Row
from typing import Any

from colonnade.engine.scoring import ScoreDecoder
from colonnade.engine.sequence import Sequence
from colonnade.engine.structure import Form, Structure
from colonnade.engine.structure.calls import lark
from colonnade.engine.structure.grammars import OPTIONS
from colonnade.models.protocol import SampledToken
from colonnade.vllm.ports import Draw, Lora

_LONGEST_TURN = 2**53
"""Milliseconds: a priority that any queue holds exactly."""


def draw_of(sequence: Sequence, lora: Lora | None = None) -> Draw:
    work = sequence.work
    scored = isinstance(sequence.decoder, ScoreDecoder)
    return Draw(
        name=f"{sequence.handle}-{work.request_id[:64]}",
        tokens=sequence.decoder.tokens if isinstance(sequence.decoder, ScoreDecoder) else work.tokens,
        sampling=scoring() if scored else sampling_of(sequence),
        structure=structure_of(work.grammar.structure) if work.grammar else {},
        lora=lora,
        priority=max(-_LONGEST_TURN, min(_LONGEST_TURN, round(sequence.turn[0] * 1000))),
        salt=work.tenant,
    )


def sampling_of(sequence: Sequence) -> dict[str, Any]:
    """Arguments of ``vllm.SamplingParams``."""
    work, sampling = sequence.work, sequence.work.sampling
    return {
        "max_tokens": work.max_tokens,
        "temperature": sampling.temperature,
        "top_k": sampling.top_k,
        "top_p": sampling.top_p,
        "min_p": sampling.min_p,
        "repetition_penalty": sampling.repetition_penalty,
        "frequency_penalty": sampling.frequency_penalty,
        "presence_penalty": sampling.presence_penalty,
        "logit_bias": dict(sampling.logit_bias) or None,
        "seed": sampling.seed,
        "logprobs": sampling.logprobs,
        "stop_token_ids": sorted(work.stop_ids),
        "ignore_eos": True,  # the end tokens are all in stop_token_ids
        "detokenize": False,
    }


def scoring() -> dict[str, Any]:
    """What makes vLLM tell the logprobs of a prompt's tokens; it cannot draw nothing, so it draws one."""
    return {"max_tokens": 1, "temperature": 0.0, "prompt_logprobs": 0, "detokenize": False}


def structure_of(structure: Structure) -> dict[str, str]:
    """Arguments of ``vllm.StructuredOutputsParams``, for its backend that is llguidance as ours is."""
    match structure.form:
        case Form.REGEX:
            return {"regex": structure.text}
        case Form.GRAMMAR:
            return {"grammar": structure.text}
        case Form.CALLS:
            return {"grammar": lark(structure.text, OPTIONS)}
        case _:
            schema = json.loads(structure.text) if structure.text else {"type": "object"}
            return {"json": json.dumps({**schema, "x-guidance": dict(OPTIONS)})}


def drawn_tokens(
    tokens: Row[int], logprobs: Row[Mapping[int, Any]] | None, rivals: int
) -> list[SampledToken]:
    """Tokens with what vLLM says of each: by token, its logprob and its rank, the most likely one's is 1."""
    if logprobs is None:
        return [SampledToken(token) for token in tokens]
    return [_with(token, told, rivals) for token, told in zip(tokens, logprobs, strict=True)]


def scored_tokens(tokens: Row[int], logprobs: Row[Mapping[int, Any] | None]) -> list[SampledToken]:
    """A prompt's tokens but the first, which nothing comes before."""
    following = zip(tokens[1:], logprobs[1:], strict=True)
    return [SampledToken(token, float(told[token].logprob)) for token, told in following if told is not None]


def _with(token: int, told: Mapping[int, Any], rivals: int) -> SampledToken:
    ranked = sorted((each.rank, rival, float(each.logprob)) for rival, each in told.items())
    top = [(rival, logprob) for rank, rival, logprob in ranked if rank <= rivals]
    return SampledToken(token, float(told[token].logprob), top[:rivals])
