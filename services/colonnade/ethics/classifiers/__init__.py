"""Linear classifiers over sentence embeddings, with their weights: what they are good for is in their card.

``embedded.json`` says which model's vectors they were fitted to, on what, and how they do on texts that were
held out; ``embedded.safetensors`` has a row of weights and a bias for each category."""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from colonnade.errors import InvalidArgument

FOLDER = Path(__file__).parent
CARD, WEIGHTS = "embedded.json", "embedded.safetensors"


@dataclass(frozen=True, slots=True)
class Classifiers:
    """One logistic regression a category, calibrated on texts that it did not learn from."""

    model: str
    """Digest of the embedding model."""
    categories: tuple[str, ...]
    weights: NDArray[np.float32]
    """Shape ``(categories, width)``."""
    biases: NDArray[np.float32]

    def scores(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """From 0 to 1, shape ``(vectors, categories)``, of vectors of unit length."""
        logits = vectors.astype(np.float64) @ self.weights.T + self.biases
        return np.asarray(1 / (1 + np.exp(-np.clip(logits, -30, 30))), np.float64)


def read(folder: Path = FOLDER) -> Classifiers:
    """Raises ``InvalidArgument`` where the weights are not those of the card."""
    card = json.loads((folder / CARD).read_text())
    content = (folder / WEIGHTS).read_bytes()
    if digest_of(content) != card["weights"]:
        raise InvalidArgument(
            f"{WEIGHTS} is not what {CARD} describes; install the package again", field=WEIGHTS
        )
    tensors = load(content)
    return Classifiers(
        card["embedding_model"], tuple(card["categories"]), tensors["weights"], tensors["biases"]
    )


def write(folder: Path, made: Classifiers, about: dict[str, dict[str, Any]], sources: dict[str, Any]) -> None:
    """``about`` has what is to be said of each category; ``sources`` what they were fitted on."""
    content = save({"weights": made.weights, "biases": made.biases})
    card = {
        "embedding_model": made.model,
        "weights": digest_of(content),
        "categories": {category: about[category] for category in made.categories},
        "sources": sources,
    }
    (folder / WEIGHTS).write_bytes(content)
    (folder / CARD).write_text(json.dumps(card, indent=1) + "\n")


def digest_of(content: bytes) -> str:
    return f"sha256:{sha256(content).hexdigest()}"
