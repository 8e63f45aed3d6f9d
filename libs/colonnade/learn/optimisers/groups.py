"""Which parameters of a model are treated alike.

Matrices decay; biases and norms do not, and embeddings only if asked. Hidden matrices are those inside the
model's repeated blocks: what Muon orthogonalises (embeddings and the output layer are left to AdamW).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from colonnade.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Parameters:
    """A model's trainable parameters by name, in the model's order, and by what they are."""

    all: Mapping[str, nn.Parameter]
    embeddings: frozenset[str]

    @classmethod
    def of(cls, model: nn.Module) -> "Parameters":
        trainable = {name: p for name, p in model.named_parameters() if p.requires_grad}
        if not trainable:
            raise InvalidArgument(
                "the model has no trainable parameter; leave some unfrozen, or add an adapter", field="model"
            )
        tables = {id(m.weight) for m in model.modules() if isinstance(m, nn.Embedding)}
        return cls(trainable, frozenset(name for name, p in trainable.items() if id(p) in tables))

    def decays(self, name: str, *, embeddings: bool) -> bool:
        return self.all[name].dim() >= 2 and (embeddings or name not in self.embeddings)

    def hidden_matrix(self, name: str) -> bool:
        numbered = any(part.isdigit() for part in name.split("."))
        return numbered and self.all[name].dim() == 2 and name not in self.embeddings

    def grouped(self, weight_decay: float, *, embeddings: bool, hidden: bool = False) -> list[dict[str, Any]]:
        """Groups as torch takes them, with a ``name``: ``matrices`` (decays) and ``rest``; with ``hidden``
        the hidden matrices before them, in a group of their own. None of them empty."""
        groups: dict[str, list[Tensor]] = {"hidden": [], "matrices": [], "rest": []}
        for name, parameter in self.all.items():
            if hidden and self.hidden_matrix(name):
                groups["hidden"].append(parameter)
            else:
                groups["matrices" if self.decays(name, embeddings=embeddings) else "rest"].append(parameter)
        return [
            {"name": name, "params": parameters, "weight_decay": 0.0 if name == "rest" else weight_decay}
            for name, parameters in groups.items()
            if parameters
        ]
