"""Says how surprised a model is by text, with its weights kept as the engine keeps them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812

from colonnade.engine.kernels.pack import Weights, pack_model
from colonnade.models.families import catalog
from colonnade.models.families.transformer.model import Transformer
from evidence.performance.engines.child import serve

Ids = Sequence[Sequence[int]]


class Judge:
    def __init__(self, folder: str, weights: Weights, threads: int) -> None:
        torch.set_num_threads(threads)
        found = catalog.load({path.name: path for path in Path(folder).iterdir()})
        assert isinstance(found, Transformer)
        self._model = found
        pack_model(self._model, weights)

    def weight_bytes(self) -> int:
        return self._model.memory_bytes

    def surprise(self, tokens: Ids, targets: Ids) -> list[float]:
        """Of each row: the mean negative log-likelihood of its targets, in nats."""
        found = []
        with torch.inference_mode():
            for row, wanted in zip(tokens, targets, strict=True):
                logits_TV = self._model.forward_full(torch.tensor([row]))[0]
                found.append(float(F.cross_entropy(logits_TV.float(), torch.tensor(wanted))))
        return found


class Beside(Judge):
    """The same model in ONNX Runtime."""

    def __init__(self, folder: str, weights: Weights, threads: int, graph: str) -> None:
        super().__init__(folder, weights, threads)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])

    def parity(self, tokens: Ids) -> dict[str, Any]:
        """Of each row: the largest difference of a logit, and the share of places with one best token."""
        config, largest, same = self._model.config, [], []
        empty = torch.zeros(1, config.kv_heads, 0, config.head_width).numpy()
        past = {
            each.name: empty for each in self._session.get_inputs() if each.name.startswith("past_key_values")
        }
        for row in tokens:
            ids_BT = torch.tensor([row])
            given = {"input_ids": ids_BT.numpy(), "attention_mask": torch.ones_like(ids_BT).numpy()}
            theirs_BTV = torch.from_numpy(self._session.run(["logits"], given | past)[0])
            with torch.inference_mode():
                ours_BTV = self._model.forward_full(ids_BT)
            largest.append(float((ours_BTV - theirs_BTV).abs().max()))
            same.append(float((ours_BTV.argmax(-1) == theirs_BTV.argmax(-1)).float().mean()))
        return {"largest": largest, "same": same}


def make(folder: str, weights: Weights, threads: int, graph: str | None = None) -> Judge:
    return Judge(folder, weights, threads) if graph is None else Beside(folder, weights, threads, graph)


if __name__ == "__main__":
    serve(make)
