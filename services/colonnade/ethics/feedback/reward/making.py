"""Reward models: made of what was accepted, shown, and asked."""

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from typing import Any

import numpy as np

from colonnade.errors import InvalidArgument, Overloaded
from colonnade.ethics.feedback.collecting import checked_id, new_id, subject_of, utc_now
from colonnade.ethics.feedback.feedback import MAX_TEXT_BYTES, Given, Kind, Pair, Prompt, key_of
from colonnade.ethics.feedback.pairs import Pairs
from colonnade.ethics.feedback.ports import Clock
from colonnade.ethics.feedback.reward.built_in import built_in_pairs
from colonnade.ethics.feedback.reward.learning import Examples, Learnt, Share, learn
from colonnade.ethics.feedback.reward.model import FEATURES, RewardModel, Vectors, read_of
from colonnade.ethics.feedback.reward.ports import Kept, RewardStore
from colonnade.ethics.ports import Embedder
from colonnade.security.audit import Trail, privileged
from colonnade.security.identity import Principal
from colonnade.security.inputs import check_count, check_text
from colonnade.security.inputs.once import Once

MOST_PAIRS = 2000
"""The newest. Each is up to three texts to embed."""
MOST_ANSWERS = 64
MOST_SHOWN = 100
FEEDBACK, BUILT_IN = "feedback", "built_in"
_RETRY_SECONDS = 30


class RewardModels:
    """``EthicalRewardModel``: learns which of two answers people prefer."""

    def __init__(
        self, store: RewardStore, pairs: Pairs, embedder: Embedder, trail: Trail, *, clock: Clock = utc_now
    ) -> None:
        self._store, self._pairs, self._embedder, self._trail = store, pairs, embedder, trail
        self._clock = clock
        self._busy = asyncio.Lock()

    async def train(self, principal: Principal, *, built_in: bool = True, key: str = "") -> Kept:
        """Made and kept when it returns; under a known key, what was made with it.

        ``Conflict`` for too few pairs; ``Overloaded`` while another one is made."""
        owner = f"{principal.tenant}/{subject_of(principal)}"
        once = Once.of(owner, key, "reward", repr(built_in))
        if once and (known := await self._store.made_with(once)):
            return known
        if self._busy.locked():
            raise Overloaded("another reward model is being made", retry_after_seconds=_RETRY_SECONDS)
        async with (
            self._busy,
            privileged(self._trail, "feedback.train", principal, acknowledge=True) as learnt,
        ):
            kept = await self._made(principal.tenant, built_in=built_in, once=once)
            learnt["model"] = kept.id
            return kept

    async def find(self, model_id: str, principal: Principal) -> Kept:
        """The newest where the id is empty."""
        return await self._store.find(principal.tenant, checked_id(model_id) if model_id else "")

    async def page(self, principal: Principal) -> Sequence[Kept]:
        return await self._store.page(principal.tenant, MOST_SHOWN)

    async def scores(
        self, model_id: str, prompt: Prompt, answers: Sequence[str], principal: Principal
    ) -> tuple[Sequence[float], str]:
        """Logits, and the id of the model that was asked; their differences are log odds."""
        check_count(len(answers), MOST_ANSWERS, "answers")
        if not answers or not prompt:
            missing = "prompt" if answers else "answers"
            raise InvalidArgument(f"{missing} must not be empty", field=missing)
        for place, answer in enumerate(answers):
            check_text(answer, f"answers[{place}]", MAX_TEXT_BYTES)
        Given(Kind.PREFERENCE, prompt=prompt, chosen="a", rejected="b")  # checks the prompt
        kept = await self.find(model_id, principal)
        embedded = await self._embedder.embed([read_of(prompt), *answers])
        if embedded.model != kept.embedding_model:
            raise InvalidArgument(
                f"{kept.id} learnt from vectors of another version of the model for embeddings; train again",
                field="model",
            )
        model = RewardModel.from_bytes(kept.weights, kept.embedding_model)
        return model.scores(embedded.vectors[0], embedded.vectors[1:]), kept.id

    async def _made(self, tenant: str, *, built_in: bool, once: Once | None) -> Kept:
        given = deque([pair async for pair in self._pairs.all(tenant)], maxlen=MOST_PAIRS)
        sources = [(FEEDBACK, pair) for pair in given]
        if built_in:
            sources += [(BUILT_IN, pair) for pair in built_in_pairs()]
        examples, embedding_model = await self._examples(sources)
        found = await asyncio.to_thread(learn, examples, embedding_model)
        now = self._clock()
        made = Kept(
            id=new_id("rm", now),
            tenant=tenant,
            made_at=now,
            embedding_model=embedding_model,
            accuracy=found.accuracy,
            learnt=sum(found.learnt.values()),
            card=json.dumps(card_of(found), indent=2),
            weights=found.model.to_bytes(),
        )
        return await self._store.add(made, [each for pair in given for each in pair.made_of], once)

    async def _examples(self, sources: Sequence[tuple[str, Pair]]) -> tuple[Examples, str]:
        pairs = [pair for _, pair in sources]
        texts = [text for pair in pairs for text in (read_of(pair.prompt), pair.chosen, pair.rejected)]
        different = list(dict.fromkeys(texts))
        vectors, model = await self._vectors(different)
        places = {text: place for place, text in enumerate(different)}
        rows = vectors[[places[text] for text in texts]]
        return Examples(
            rows[0::3], rows[1::3], rows[2::3],
            [key_of(pair.prompt) for pair in pairs],
            [source for source, _ in sources],
            [len(pair.chosen) > len(pair.rejected) for pair in pairs],
        ), model  # fmt: skip

    async def _vectors(self, texts: Sequence[str]) -> tuple[Vectors, str]:
        if not texts:
            return np.zeros((0, 1), np.float32), ""  # there is nobody to ask for their length
        embedded = await self._embedder.embed(texts)
        return embedded.vectors, embedded.model


def card_of(found: Learnt) -> dict[str, Any]:
    """What a model is made of and how good it is, for people and for programs; no text, nobody's id."""
    return {
        "kind": "bradley_terry",
        "embedding_model": found.model.embedding_model,
        "features": list(FEATURES),
        "penalty": found.penalty,
        "learnt": dict(found.learnt),
        "held_out": {
            "accuracy": _told(found.accuracy),
            "by_source": {name: _told(share) for name, share in found.held_out.items()},
            "always_the_longer": _told(found.longer),
            "log_loss_nats": round(found.loss, 4),
        },
    }


def _told(share: Share) -> dict[str, Any]:
    low, high = share.interval
    return {"value": round(share.value, 4), "low": round(low, 4), "high": round(high, 4), "pairs": share.of}
