"""Which engines are measured, where each one's interpreter is, and what each is told."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evidence.performance import model
from evidence.performance.engines.process import ROOT, EngineProcess

PEERS = ROOT / ".peers"
LOGS = ROOT / ".cache" / "evidence" / "logs"
_HERE = "evidence.performance.engines"
_OWN = Path(sys.executable)
_OFFLINE = {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
_AS_SERVED = {"OMP_WAIT_POLICY": "PASSIVE"}
"""What the engine's own process sets before torch is loaded."""
CONTEXT, SHORT = 2048, 256
"""Positions of a sequence, alone and among many."""
WEIGHTS = ("auto", "float32", "bfloat16", "int8", "int4")
"""The engine's setting of that name; ``auto`` is what a user gets who sets nothing."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One engine in one configuration."""

    name: str
    product: str
    """Who makes it: ``Colonnade`` or a peer."""
    precision: str
    """Of the weights, as they are kept."""
    module: str
    python: Path = _OWN
    options: Mapping[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @property
    def ours(self) -> bool:
        return self.product == "Colonnade"

    def start(self, **more: Any) -> EngineProcess:
        """Its process, loaded. ``more`` overrides options. Raises ``NotRun``."""
        log = LOGS / f"{self.name.replace(' ', '-')}.log"
        environment = {**_OFFLINE, **self.environment}
        return EngineProcess(self.python, self.module, {**self.options, **more}, environment, log)


def engines(threads: int, streams: int = 1, device: str = "cpu") -> dict[str, Engine]:
    """All configurations by name, for ``streams`` requests at once."""
    folder, gguf = str(model.folder()), str(model.gguf())
    all_of_them = [
        *(_ours(folder, weights, threads, streams, device) for weights in WEIGHTS),
        *(_transformers(folder, dtype, threads, device) for dtype in ("float32", "bfloat16")),
        _continuous(folder, threads, device),
        *(_vllm(folder, dtype, threads, streams) for dtype in ("float32", "bfloat16")),
        Engine(
            "llama.cpp", "llama.cpp", "int4", f"{_HERE}.llama_cpp_engine", PEERS / "llamacpp/bin/python",
            {
                "gguf": gguf, "threads": threads, "streams": streams,
                "context": CONTEXT if streams == 1 else SHORT,
            },
        ),
    ]  # fmt: skip
    return {engine.name: engine for engine in all_of_them}


def _ours(folder: str, weights: str, threads: int, streams: int, device: str) -> Engine:
    options = {
        "folder": folder, "weights": weights, "threads": threads, "device": device,
        "max_sequences": max(32, streams),
    }  # fmt: skip
    return Engine(
        f"colonnade {weights}", "Colonnade", weights, f"{_HERE}.ours",
        options=options, environment=_AS_SERVED,
    )  # fmt: skip


def _transformers(folder: str, dtype: str, threads: int, device: str) -> Engine:
    options = {"folder": folder, "dtype": dtype, "threads": threads, "device": device}
    return Engine(
        f"transformers {dtype}",
        "transformers generate",
        dtype,
        f"{_HERE}.transformers_engine",
        options=options,
    )


def _continuous(folder: str, threads: int, device: str) -> Engine:
    options = {
        "folder": folder, "dtype": "float32", "threads": threads, "device": device, "continuous": True,
    }  # fmt: skip
    module = f"{_HERE}.transformers_engine"
    return Engine("transformers batching", "transformers generate_batch", "float32", module, options=options)


def _vllm(folder: str, dtype: str, threads: int, streams: int) -> Engine:
    cores = sorted(os.sched_getaffinity(0))[:threads]
    return Engine(
        f"vllm {dtype}", "vLLM CPU build", dtype, f"{_HERE}.vllm_engine", PEERS / "vllm/bin/python",
        {"folder": folder, "dtype": dtype, "context": CONTEXT, "streams": max(32, streams)},
        {
            "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": ",".join(map(str, cores)),
            "VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_NO_USAGE_STATS": "1",
            "VLLM_LOGGING_LEVEL": "WARNING",
        },
    )  # fmt: skip
