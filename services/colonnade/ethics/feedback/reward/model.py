"""A reward model: one weight for each feature of an answer to a prompt."""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from colonnade.errors import InvalidArgument
from colonnade.ethics.feedback.feedback import Prompt

Vectors: TypeAlias = NDArray[np.float32]
FEATURES = ("answer", "prompt * answer")
"""The answer's vector, and the product of both vectors, element by element: what it says, and how that fits
the prompt. The prompt's own vector is the same for both answers, so it says nothing."""
_WEIGHTS = "weights"


@dataclass(frozen=True, slots=True)
class RewardModel:
    weights_F: NDArray[np.float32]
    """F is twice the length of the vectors."""
    embedding_model: str
    """The digest of what gave the texts their vectors; others' mean something else."""

    def scores(self, prompt_E: Vectors, answers_NE: Vectors) -> list[float]:
        """Logits: the difference of two is log odds that the one is preferred to the other.

        ``InvalidArgument`` for vectors of another length."""
        features = features_of(np.broadcast_to(prompt_E, answers_NE.shape), answers_NE)
        if features.shape[1] != self.weights_F.shape[0]:
            raise InvalidArgument(
                "the vectors are not of the model that these weights learnt from", field="model"
            )
        return [float(score) for score in features @ self.weights_F]

    def to_bytes(self) -> bytes:
        """As safetensors."""
        written: bytes = save({_WEIGHTS: self.weights_F}, {"embedding_model": self.embedding_model})
        return written

    @classmethod
    def from_bytes(cls, data: bytes, embedding_model: str) -> "RewardModel":
        """``InvalidArgument`` for what is none."""
        try:
            weights = load(data)[_WEIGHTS]
        except (SafetensorError, KeyError):
            raise InvalidArgument("these are not the weights of a reward model", field="weights") from None
        return cls(weights, embedding_model)


def features_of(prompts_NE: Vectors, answers_NE: Vectors) -> NDArray[np.float64]:
    """NF. Of unit vectors, scaled so that both halves have components of about 1."""
    width = prompts_NE.shape[1]
    prompts, answers = (each.astype(np.float64) * math.sqrt(width) for each in (prompts_NE, answers_NE))
    return np.concatenate([answers, prompts * answers], axis=1)


def read_of(prompt: Prompt) -> str:
    """What is embedded of a prompt: its last message, as encoders read a few hundred tokens."""
    return prompt[-1].content
