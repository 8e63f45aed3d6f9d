"""The real vLLM: its asynchronous engine (V1), whose core and workers are processes of their own."""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from colonnade.engine.sampling import MAX_LOGPROBS
from colonnade.vllm.mapping import drawn_tokens, scored_tokens
from colonnade.vllm.ports import Died, Draw, Drawn, Lora, Plan, Refused
from vllm import SamplingParams
from vllm.engine.arg_utils import AsyncEngineArgs
from vllm.lora.request import LoRARequest
from vllm.platforms import current_platform
from vllm.sampling_params import RequestOutputKind, StructuredOutputsParams
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.loggers import StatLoggerBase

_CPU_CACHE_BYTES = 1 << 30
_CHECK_SECONDS = 1.0
_ADAPTED = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
"""All that an adapter of ours can act on. Not the last layer: vLLM would wrap it, and two texts scored in one
step, whose every token passes it, would end vLLM."""
_PATH = re.compile(r"(?<![\w.])/[^\s'\"]+")


class _Gauge(StatLoggerBase):  # type: ignore[misc]  # vLLM's types are not seen here
    """Hears of each forward how much of the cache is held."""

    def __init__(self) -> None:
        self.cache_share = 0.0

    def record(
        self, scheduler_stats: Any, iteration_stats: Any, mm_cache_stats: Any = None, engine_idx: int = 0
    ) -> None:
        if scheduler_stats is not None:
            self.cache_share = float(scheduler_stats.kv_cache_usage)

    def log_engine_initialized(self) -> None:
        """Of no interest."""


class VllmBackend:
    """Implements ``ports.Backend``."""

    def __init__(self, engine: AsyncLLM, gauge: _Gauge) -> None:
        self._engine, self._gauge = engine, gauge
        cache = engine.vllm_config.cache_config
        self.cache_tokens = int(cache.num_gpu_blocks or 0) * int(cache.block_size)

    @property
    def cache_share(self) -> float:
        return self._gauge.cache_share

    async def draw(self, asked: Draw) -> AsyncGenerator[Drawn, None]:
        prompt = {"prompt_token_ids": list(asked.tokens)}
        if asked.salt:
            prompt |= {"cache_salt": asked.salt}  # type: ignore[dict-item]
        params = SamplingParams(
            **asked.sampling,
            structured_outputs=StructuredOutputsParams(**asked.structure) if asked.structure else None,
            output_kind=RequestOutputKind.DELTA,
        )
        outputs = self._engine.generate(
            prompt, params, asked.name, lora_request=_lora(asked.lora), priority=asked.priority
        )
        try:
            async with aclosing(outputs):
                async for output in outputs:
                    yield _drawn(output, asked)
        except EngineDeadError:
            raise Died from None
        except ValueError as error:
            raise Refused(told(error)) from error

    async def add(self, lora: Lora) -> None:
        try:
            await self._engine.add_lora(_lora(lora))
        except EngineDeadError:
            raise Refused("it has ended") from None
        except Exception as error:
            raise Refused(told(error)) from error

    async def remove(self, lora: Lora) -> None:
        await self._engine.remove_lora(lora.number)

    async def died(self) -> None:
        while not self._engine.errored:  # noqa: ASYNC110 - vLLM has no event for it
            await asyncio.sleep(_CHECK_SECONDS)

    async def close(self) -> None:
        await asyncio.to_thread(self._engine.shutdown)


async def start(plan: Plan) -> VllmBackend:
    """Implements ``ports.Start``; takes half a minute on a CPU."""
    gauge = _Gauge()
    try:
        engine = await asyncio.to_thread(
            AsyncLLM.from_engine_args, _arguments(plan), stat_loggers=[lambda *_: gauge]
        )
    except (ValueError, RuntimeError, OSError) as error:
        raise Refused(told(error)) from error
    return VllmBackend(engine, gauge)


def _arguments(plan: Plan) -> AsyncEngineArgs:
    cpu = current_platform.is_cpu()
    lora = {
        "max_loras": plan.max_adapters,
        "max_lora_rank": plan.adapter_rank,
        "enable_lora": True,
        "lora_target_modules": _ADAPTED,
    }
    return AsyncEngineArgs(
        model=str(plan.folder),
        dtype=plan.dtype,
        max_model_len=plan.context_length,
        max_num_seqs=plan.max_sequences,
        kv_cache_memory_bytes=plan.cache_bytes or (_CPU_CACHE_BYTES if cpu else None),
        gpu_memory_utilization=plan.gpu_share,
        tensor_parallel_size=plan.gpus,
        enforce_eager=cpu if plan.eager is None else plan.eager,
        enable_prefix_caching=True,
        scheduling_policy="priority",
        max_logprobs=MAX_LOGPROBS,
        logprobs_mode="raw_logprobs",
        generation_config="vllm",
        structured_outputs_config={"backend": "guidance"},
        seed=0,
        **(lora if plan.max_adapters else {}),
    )


def _drawn(output: Any, asked: Draw) -> Drawn:
    answer, metrics = output.outputs[0], output.metrics
    scored = "prompt_logprobs" in asked.sampling
    return Drawn(
        tokens=drawn_tokens(answer.token_ids, answer.logprobs, asked.sampling.get("logprobs") or 0),
        prompt=scored_tokens(asked.tokens, output.prompt_logprobs) if scored else (),
        cached_tokens=output.num_cached_tokens or 0,
        scheduled=metrics.scheduled_ts if metrics else None,
        preemptions=metrics.num_preemptions if metrics else 0,
        ended=str(answer.finish_reason or "") if output.finished else "",
    )


def _lora(lora: Lora | None) -> LoRARequest | None:
    return LoRARequest(lora.digest, lora.number, str(lora.folder)) if lora else None


def told(error: BaseException) -> str:
    """vLLM's reason in one line, without a path."""
    return _PATH.sub("...", " ".join(str(error).split()))[:300]
