"""The answers of one request (``n``), and what is told of them together."""

from collections.abc import Sequence as Row
from dataclasses import replace

from colonnade.engine.sequence import Finish, Work

MAX_ANSWERS = 16
_SEEDS = 2**64


def fanned_out(first: Work, count: int) -> list[Work]:
    """As many answers to the same prompt; each has the seed of the one before and one."""
    return [
        replace(
            first, index=index, sampling=replace(first.sampling, seed=(first.sampling.seed + index) % _SEEDS)
        )
        for index in range(count)
    ]


def counted(finish: Finish, index: int) -> Finish:
    """What an answer adds to the counts: the first one the prompt, which it shares with the others."""
    return finish if index == 0 else replace(finish, prompt_tokens=0, cached_prompt_tokens=0)


def together(finishes: Row[Finish]) -> Finish:
    """One finish for all: the prompt once, every generated token, the times of the slowest."""
    last = max(finishes, key=lambda each: each.first_token_seconds + each.decode_seconds)
    return replace(last, completion_tokens=sum(each.completion_tokens for each in finishes))
