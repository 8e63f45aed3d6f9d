"""llama.cpp through the C functions of llama-cpp-python: the loop of llama.cpp's own batched benchmark.

The high-level wrapper copies every row of logits into Python; here tokens are drawn by llama.cpp's own greedy
sampler, so that the peer is measured and not its wrapper.
"""

import ctypes
from collections.abc import Sequence
from typing import Any

import llama_cpp

from evidence.performance.engines.child import serve

MICRO_BATCH = 512


class LlamaCpp:
    def __init__(self, gguf: str, threads: int, context: int, streams: int) -> None:
        """``context`` positions for each of up to ``streams`` sequences."""
        llama_cpp.llama_backend_init()
        self._model = llama_cpp.llama_model_load_from_file(
            gguf.encode(), llama_cpp.llama_model_default_params()
        )
        options = llama_cpp.llama_context_default_params()
        options.n_ctx = context * streams
        options.n_seq_max = streams
        options.n_batch, options.n_ubatch = 2048, MICRO_BATCH
        options.n_threads = options.n_threads_batch = threads
        options.no_perf = True
        self._context = llama_cpp.llama_init_from_model(self._model, options)
        if not self._context:
            raise RuntimeError("llama.cpp made no context")
        self._sampler = llama_cpp.llama_sampler_init_greedy()
        self._batch = llama_cpp.llama_batch_init(2048, 0, 1)

    def describe(self) -> dict[str, Any]:
        system = llama_cpp.llama_print_system_info().decode()
        weights = int(llama_cpp.llama_model_size(self._model))
        return {"version": llama_cpp.__version__, "system": system, "weight_bytes": weights}

    def generate(self, prompts: Sequence[Sequence[int]], tokens: int) -> list[list[int]]:
        """The greedy answers, ``tokens`` long each."""
        llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(self._context), True)
        answers: list[list[int]] = []
        for stream, prompt in enumerate(prompts):
            rows = [(token, place, stream) for place, token in enumerate(prompt)]
            for first in range(0, len(rows), MICRO_BATCH):
                self._decode(rows[first : first + MICRO_BATCH], first + MICRO_BATCH >= len(rows))
            answers.append([self._draw(-1)])
        for place in range(1, tokens):
            self._decode(
                [
                    (answer[-1], len(prompt) + place - 1, stream)
                    for stream, (prompt, answer) in enumerate(zip(prompts, answers, strict=True))
                ],
                True,
            )
            for stream, answer in enumerate(answers):
                answer.append(self._draw(stream))
        return answers

    def _decode(self, rows: Sequence[tuple[int, int, int]], last: bool) -> None:
        """Runs rows of (token, position, stream); logits for each stream's last row if ``last``."""
        batch = self._batch
        for index, (token, position, stream) in enumerate(rows):
            batch.token[index], batch.pos[index] = token, position
            batch.n_seq_id[index], batch.seq_id[index][0] = 1, stream
            ends = index + 1 == len(rows) or rows[index + 1][2] != stream
            batch.logits[index] = last and ends
        batch.n_tokens = len(rows)
        if status := llama_cpp.llama_decode(self._context, batch):
            raise RuntimeError(f"llama_decode answered {status}")

    def _draw(self, row: int) -> int:
        return int(llama_cpp.llama_sampler_sample(self._sampler, self._context, ctypes.c_int32(row)))


if __name__ == "__main__":
    serve(LlamaCpp)
