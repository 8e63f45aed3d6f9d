"""On a GPU, in bfloat16: SmolLM2 and a larger model of random weights, beside transformers and the limit.

What is measured is decoding; for one stream, its limit is the weights' bytes over the bandwidth of reading.
"""

import shutil
import time
from pathlib import Path

import torch

from colonnade.models.families.transformer.checkpoint import save
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.presets import large
from evidence.performance import model
from evidence.performance.engines.catalog import Engine
from evidence.performance.figures import with_limit
from evidence.performance.result import Claim, Figure, Result, claim
from evidence.performance.statistics import ratios
from evidence.performance.suite import Suite
from evidence.performance.targets import BATCH_TO_BEST_PEER
from evidence.performance.throughput import Load, measure

TITLE = "On a GPU"
STREAMS, TOKENS, GIBIBYTES = (1, 8, 32), 64, 2
OURS, PEER = "colonnade bfloat16", "transformers bfloat16"


def run(suite: Suite) -> Result:
    began, rounds = time.monotonic(), suite.rounds or 5
    figures: list[Figure] = []
    claims: list[Claim] = []
    for name, folder in (("SmolLM2-135M", model.folder()), ("large, random weights", _large())):
        for streams in STREAMS:
            found = _measure(suite, folder, streams, rounds)
            label = f"{name}, {Load.generation(streams, TOKENS).who}"
            claims += _claim(label, streams, found)
            figures += [
                each.model_copy(update={"engine": f"{label}: {each.product}"}) for each in found.values()
            ]
    what = f"prompts of 16 tokens, {TOKENS} greedy tokens each, bfloat16 on {_device_name(suite.device)}"
    return suite.result("gpu", TITLE, figures, claims, rounds=rounds, began=began, what=what)


def _measure(suite: Suite, folder: Path, streams: int, rounds: int) -> dict[str, Figure]:
    engines = suite.engines(streams)
    wanted: list[Engine] = [engines[OURS], engines[PEER]]
    found = measure(suite, wanted, Load.generation(streams, TOKENS), rounds, folder=str(folder))
    if streams > 1:
        return found
    size = (folder / "model.safetensors").stat().st_size
    stored = torch.bfloat16.itemsize / (4 if folder == model.folder() else 2)
    most = suite.limit("stream", gibibytes=GIBIBYTES) / (size * stored)
    what = "weights over the bandwidth of plain reading"
    return {name: with_limit(each, what, most) for name, each in found.items()}


def _claim(label: str, streams: int, found: dict[str, Figure]) -> list[Claim]:
    ours, theirs = found[OURS], found[PEER]
    if not (ours.samples and theirs.samples):
        return []
    least = 1.0 if streams == 1 else BATCH_TO_BEST_PEER
    ratio = ratios(ours.samples, theirs.samples)
    return [claim(f"{label}: beside generate", OURS, PEER, ratio, at_least=least)]


def _large() -> Path:
    """A model of the preset ``large`` with random weights and SmolLM2's tokenizer, written once."""
    folder = model.FOLDER / "large"
    if not folder.exists():
        torch.manual_seed(0)
        save(Transformer(large()).to(torch.bfloat16), folder)
        for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
            shutil.copy(model.folder() / name, folder / name)
    return folder


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name() if device.startswith("cuda") else device
