"""LitGPT: its model, loss and Fabric, in the order of its ``pretrain`` loop."""

from importlib.metadata import version
from typing import Any

import lightning
import torch
from litgpt.config import Config
from litgpt.model import GPT
from litgpt.utils import chunked_cross_entropy

from evidence.performance.engines.child import peak_bytes, serve
from evidence.performance.learners.plain import batches
from evidence.performance.learners.shape import Run

_PRECISIONS = {"float32": "32-true", "bfloat16-mixed": "bf16-mixed"}


class LitGpt:
    def __init__(self, run: dict[str, Any]) -> None:
        self._run = said = Run.of(run)
        torch.set_num_threads(said.threads)
        self._fabric: Any = lightning.Fabric(
            accelerator="cpu", devices=1, precision=_PRECISIONS[said.precision]
        )
        self._fabric.seed_everything(0)
        with self._fabric.init_module():
            model = GPT(_config(said))
        model.transformer.wte.weight = model.lm_head.weight
        model.max_seq_length = said.tokens
        self._parameters = sum(each.numel() for each in model.parameters())
        self._model = self._fabric.setup(torch.compile(model) if said.compile else model)
        optimiser = torch.optim.AdamW(
            self._model.parameters(), lr=said.learning_rate, betas=said.betas, weight_decay=said.weight_decay
        )
        self._optimiser = self._fabric.setup_optimizers(optimiser)
        self._batches = batches(said)

    def steps(self, count: int) -> float:
        """The last loss."""
        loss = torch.zeros(())
        for _ in range(count):
            for turn in range(self._run.accumulate):
                with self._fabric.no_backward_sync(self._model, enabled=turn + 1 < self._run.accumulate):
                    loss = self._backward()
            self._fabric.clip_gradients(self._model, self._optimiser, max_norm=self._run.clip)
            self._optimiser.step()
            self._optimiser.zero_grad()
        return float(loss)

    def _backward(self) -> torch.Tensor:
        rows = next(self._batches)
        logits = self._model(rows[:, :-1].contiguous())
        loss = chunked_cross_entropy(logits, rows[:, 1:].contiguous())
        self._fabric.backward(loss / self._run.accumulate)
        found: torch.Tensor = loss.detach()
        return found

    def describe(self) -> dict[str, Any]:
        return {"version": version("litgpt"), "peak_bytes": peak_bytes(), "parameters": self._parameters}


def _config(run: Run) -> Config:
    shape = run.shape
    return Config(
        block_size=shape.context,
        padded_vocab_size=shape.vocabulary,
        vocab_size=shape.vocabulary,
        n_layer=shape.layers,
        n_head=shape.heads,
        n_query_groups=shape.kv_heads,
        n_embd=shape.width,
        intermediate_size=shape.hidden,
        rotary_percentage=1.0,
        parallel_residual=False,
        bias=False,
        norm_class_name="RMSNorm",
        mlp_class_name="LLaMAMLP",
    )


if __name__ == "__main__":
    serve(LitGpt)
