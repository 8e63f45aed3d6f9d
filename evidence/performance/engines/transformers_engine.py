"""Hugging Face transformers: ``generate`` for a batch of equal lengths, or continuous ``generate_batch``."""

from collections.abc import Sequence
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, GenerationConfig
from transformers.generation.configuration_utils import ContinuousBatchingConfig

from evidence.performance.engines.child import serve

Prompts = Sequence[Sequence[int]]
_PAGE = 256


class Transformers:
    def __init__(
        self, folder: str, dtype: str, threads: int, continuous: bool = False, device: str = "cpu"
    ) -> None:
        torch.set_num_threads(threads)
        self._continuous = continuous
        self._model: Any = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype))
        self._model = self._model.to(device).eval()
        self._model.generation_config.eos_token_id = None  # every answer gets its full length
        self._device = device

    def describe(self) -> dict[str, Any]:
        weights = sum(each.numel() * each.itemsize for each in self._model.parameters())
        return {"version": transformers.__version__, "torch": torch.__version__, "weight_bytes": weights}

    def generate(self, prompts: Prompts, tokens: int) -> list[list[int]]:
        """The greedy answers, ``tokens`` long each."""
        if self._continuous:
            return self._continuously(prompts, tokens)
        ids = torch.tensor(prompts, device=self._device)
        with torch.inference_mode():
            out = self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=tokens,
                do_sample=False,
                pad_token_id=0,
            )
        answers: list[list[int]] = out[:, ids.shape[1] :].tolist()
        return answers

    def _continuously(self, prompts: Prompts, tokens: int) -> list[list[int]]:
        config = GenerationConfig(max_new_tokens=tokens, do_sample=False, eos_token_id=-1, pad_token_id=0)
        room = sum(-(-(len(prompt) + tokens) // _PAGE) for prompt in prompts)
        batching = ContinuousBatchingConfig(  # by itself it takes most of the machine's memory
            page_size=_PAGE, num_blocks=room + 8, max_batch_tokens=512, max_requests_per_batch=len(prompts)
        )
        answers = self._model.generate_batch(
            [list(prompt) for prompt in prompts],
            generation_config=config,
            continuous_batching_config=batching,
        )
        return [list(each.generated_tokens) for each in answers.values()]


if __name__ == "__main__":
    serve(Transformers)
