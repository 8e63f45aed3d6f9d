"""The plain loop around a transformers model, as its own course writes it: forward, backward, clip, step."""

from typing import Any

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM, get_constant_schedule_with_warmup

from evidence.performance.engines.child import peak_bytes, serve
from evidence.performance.learners.plain import batches
from evidence.performance.learners.shape import Run


class HuggingFace:
    def __init__(self, run: dict[str, Any]) -> None:
        self._run = said = Run.of(run)
        torch.set_num_threads(said.threads)
        torch.manual_seed(0)
        model = LlamaForCausalLM(_config(said)).train()
        model.config.use_cache = False
        if said.recompute:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        self._parameters = list(model.parameters())
        self._model: Any = torch.compile(model) if said.compile else model
        self._optimiser = torch.optim.AdamW(
            self._parameters, lr=said.learning_rate, betas=said.betas, weight_decay=said.weight_decay
        )
        self._schedule = get_constant_schedule_with_warmup(self._optimiser, 10)
        self._batches = batches(said)

    def steps(self, count: int) -> float:
        """The last loss."""
        loss = 0.0
        for _ in range(count):
            for _ in range(self._run.accumulate):
                loss = self._backward()
            torch.nn.utils.clip_grad_norm_(self._parameters, self._run.clip)
            self._optimiser.step()
            self._schedule.step()
            self._optimiser.zero_grad()
        return loss

    def _backward(self) -> float:
        rows = next(self._batches)[:, :-1].contiguous()  # the model shifts the labels itself
        with torch.autocast("cpu", torch.bfloat16, enabled=self._run.precision != "float32"):
            loss = self._model(input_ids=rows, labels=rows).loss
        (loss / self._run.accumulate).backward()
        return float(loss.detach())

    def describe(self) -> dict[str, Any]:
        return {
            "version": transformers.__version__,
            "peak_bytes": peak_bytes(),
            "parameters": sum(each.numel() for each in self._parameters),
        }


def _config(run: Run) -> LlamaConfig:
    shape = run.shape
    return LlamaConfig(
        vocab_size=shape.vocabulary,
        hidden_size=shape.width,
        intermediate_size=shape.hidden,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.context,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )


if __name__ == "__main__":
    serve(HuggingFace)
