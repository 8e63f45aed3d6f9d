"""vLLM's CPU build, in one process: its core and its worker run where the CPU seconds are counted."""

import time
from collections.abc import Sequence
from typing import Any

import vllm

from evidence.performance.arrivals import Arrival, Served, take_turns
from evidence.performance.engines.child import serve


class Vllm:
    def __init__(self, folder: str, dtype: str, context: int, streams: int) -> None:
        self._engine = vllm.LLM(
            model=folder,
            dtype=dtype,
            max_model_len=context,
            max_num_seqs=streams,
            skip_tokenizer_init=True,
            enable_prefix_caching=False,
            disable_log_stats=True,
        )

    def describe(self) -> dict[str, Any]:
        return {"version": vllm.__version__}

    def generate(self, prompts: Sequence[Sequence[int]], tokens: int) -> list[list[int]]:
        """The greedy answers, ``tokens`` long each."""
        asked = [{"prompt_token_ids": list(prompt)} for prompt in prompts]
        answers = self._engine.generate(asked, _settings(tokens), use_tqdm=False)
        return [list(answer.outputs[0].token_ids) for answer in answers]

    def serve_arrivals(self, arrivals: Sequence[Arrival]) -> list[Served]:
        """Takes each request when it arrives; when its tokens came."""
        engine = self._engine.llm_engine
        served: dict[str, Served] = {}

        def submit(arrival: Arrival) -> None:
            served[arrival["name"]] = {"name": arrival["name"], "due": arrival["at"], "times": []}
            prompt = {"prompt_token_ids": list(arrival["prompt"])}
            engine.add_request(arrival["name"], prompt, _settings(arrival["tokens"]))

        def settle(began: float) -> int:
            outputs = engine.step() if engine.has_unfinished_requests() else []
            now = time.perf_counter() - began
            for output in outputs:
                times = served[output.request_id]["times"]
                times += [now] * (len(output.outputs[0].token_ids) - len(times))
            return sum(output.finished for output in outputs)

        take_turns(arrivals, submit, settle)
        return list(served.values())


def _settings(tokens: int) -> Any:
    return vllm.SamplingParams(
        temperature=0.0, max_tokens=tokens, min_tokens=tokens, ignore_eos=True, detokenize=False
    )


if __name__ == "__main__":
    serve(Vllm)
