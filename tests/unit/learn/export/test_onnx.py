"""The exported graph in ONNX Runtime gives what the model gives, however a text is cut into calls."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
import torch
from safetensors.torch import save_file

from colonnade.errors import AlreadyExists, InvalidArgument, NotFound, Unsupported
from colonnade.learn.export.names import past_names, present_names
from colonnade.learn.export.onnx import export_onnx
from colonnade.learn.export.triton import triton_config
from colonnade.models.families.transformer.checkpoint import load
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.layers.rope_scaling import LinearScaling
from tests.unit.learn.export.models import config, write_model
from tests.unit.models import tiny_bert

TOLERANCE = 2e-5
"""Of logits up to about 5, float32: two libraries add in unlike orders."""
Array = npt.NDArray[Any]
Cache = dict[str, Array]


class Exported:
    def __init__(self, made: TransformerConfig, folder: Path, **options: Any) -> None:
        self.source, self.folder, self.config = write_model(made, folder / "model"), folder / "onnx", made
        export_onnx(self.source, self.folder, **options)
        self.model = load({path.name: path for path in self.source.iterdir()})
        quiet = onnxruntime.SessionOptions()
        quiet.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            self.folder / "model.onnx", quiet, providers=["CPUExecutionProvider"]
        )

    def call(self, ids_BT: Array, past: Cache | None = None, mask_BS: Array | None = None) -> Any:
        """Logits, and the past of the next call."""
        if past is None:
            shape = (len(ids_BT), self.config.kv_heads, 0, self.config.head_width)
            past = {name: np.zeros(shape, np.float32) for name in past_names(self.config)}
        before = next(iter(past.values())).shape[2]
        if mask_BS is None:
            mask_BS = np.ones((len(ids_BT), before + ids_BT.shape[1]), np.int64)
        logits, *present = self.session.run(
            ["logits", *present_names(self.config)], {"input_ids": ids_BT, "attention_mask": mask_BS} | past
        )
        return logits, dict(zip(past, present, strict=True))

    def in_pieces(self, ids_BT: Array, lengths: Sequence[int]) -> Array:
        found, past, start = [], None, 0
        for length in lengths:
            logits, past = self.call(ids_BT[:, start : start + length], past)
            found.append(logits)
            start += length
        assert start == ids_BT.shape[1]
        return np.concatenate(found, axis=1)

    def expected(self, ids_BT: Array) -> Array:
        logits_BTV: Array = self.model.forward_full(torch.from_numpy(ids_BT)).numpy()
        return logits_BTV


def tokens(rows: int, length: int) -> Array:
    return np.random.default_rng(rows * 100 + length).integers(0, 29, (rows, length))


KINDS = {
    "qwen3": config(qk_norm=True, windows=(3, None)),
    "llama": config(tied=False, rope_scaling=LinearScaling(2.0), qkv_bias=True, output_bias=True),
}


@pytest.fixture(scope="module", params=["qwen3", pytest.param("llama", marks=pytest.mark.slow)])
def exported(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """To export takes ten seconds, however small the model."""
    made = KINDS[request.param]
    return Exported(made, tmp_path_factory.mktemp("export"), most_inside=0 if made.tied else 1 << 20)


@pytest.mark.parametrize(
    ("rows", "pieces"),
    [(1, [1]), (1, [12]), (3, [9]), (2, [5, 1, 4, 2]), (1, [4, 8]), (2, [1] * 10)],
    ids=str,
)
def test_whole_in_pieces_and_token_by_token(exported: Exported, rows: int, pieces: list[int]) -> None:
    ids_BT = tokens(rows, sum(pieces))
    np.testing.assert_allclose(
        exported.in_pieces(ids_BT, pieces), exported.expected(ids_BT), rtol=0, atol=TOLERANCE
    )


def test_greedy_decoding_is_the_models(exported: Exported) -> None:
    theirs = ours = tokens(1, 5)
    logits, past = exported.call(theirs)
    for _ in range(12):
        theirs = np.concatenate((theirs, logits[:, -1:].argmax(-1)), axis=1)
        logits, past = exported.call(theirs[:, -1:], past)
        ours = np.concatenate((ours, exported.expected(ours)[:, -1:].argmax(-1)), axis=1)
    assert (theirs == ours).all()


def test_padding_is_not_seen_on_either_side(exported: Exported) -> None:
    """Rows of 3 and 5 tokens, padded to 5 before and after; then one token more for both."""
    short, long, more = tokens(1, 3), tokens(1, 5), tokens(2, 1)
    for before in (True, False):
        place = slice(2, 5) if before else slice(0, 3)
        ids_BT, mask_BT = np.concatenate((np.full((1, 5), 7), long)), np.ones((2, 5), np.int64)
        ids_BT[0, place], mask_BT[0] = short, 0
        mask_BT[0, place] = 1
        logits, past = exported.call(ids_BT, None, mask_BT)
        assert np.isfinite(logits).all()
        np.testing.assert_allclose(logits[0, place], exported.expected(short)[0], rtol=0, atol=TOLERANCE)
        np.testing.assert_allclose(logits[1], exported.expected(long)[0], rtol=0, atol=TOLERANCE)
        mask_BS = np.concatenate((mask_BT, np.ones((2, 1), np.int64)), axis=1)
        logits, _ = exported.call(more, past, mask_BS)
        for row, first in enumerate((short, long)):
            whole = np.concatenate((first, more[row : row + 1]), axis=1)
            np.testing.assert_allclose(
                logits[row, -1], exported.expected(whole)[0, -1], rtol=0, atol=TOLERANCE
            )


def test_a_masked_position_is_no_past(exported: Exported) -> None:
    """For servers that refuse tensors without elements."""
    ids_BT = tokens(2, 4)
    shape = (2, exported.config.kv_heads, 1, exported.config.head_width)
    past = {name: np.full(shape, 3, np.float32) for name in past_names(exported.config)}
    logits, _ = exported.call(ids_BT, past, np.array([[0, 1, 1, 1, 1]] * 2))
    np.testing.assert_allclose(logits, exported.expected(ids_BT), rtol=0, atol=TOLERANCE)


def test_names_types_and_free_sizes(exported: Exported) -> None:
    given = {each.name: (each.type, each.shape) for each in exported.session.get_inputs()}
    assert list(given) == ["input_ids", "attention_mask", *past_names(exported.config)]
    assert given["input_ids"] == ("tensor(int64)", ["batch", "tokens"])
    assert given["past_key_values.1.value"] == ("tensor(float)", ["batch", 2, "past", 4])
    found = {each.name: (each.type, each.shape) for each in exported.session.get_outputs()}
    assert list(found) == ["logits", *present_names(exported.config)]
    assert found["logits"] == ("tensor(float)", ["batch", "tokens", 29])
    assert found["present.0.key"][1][:2] == ["batch", 2]


def test_tritons_config_names_the_same_tensors(exported: Exported) -> None:
    said = re.findall(r'put { name: "(.+?)" data_type: TYPE_(\w+) ', triton_config(exported.config, "tiny"))
    tensors = (*exported.session.get_inputs(), *exported.session.get_outputs())
    kinds = {"tensor(int64)": "INT64", "tensor(float)": "FP32"}
    assert said == [(each.name, kinds[each.type]) for each in tensors]


def test_the_folder(exported: Exported) -> None:
    names = {path.name for path in exported.folder.iterdir()}
    inside = not exported.config.tied
    texts = {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json"}
    assert names == {"model.onnx"} | texts | (set() if inside else {"model.onnx.data"})
    assert (exported.folder / "tokenizer.json").read_text() == (
        exported.source / "tokenizer.json"
    ).read_text()
    stored = onnx.load(exported.folder / "model.onnx", load_external_data=False)
    assert [each.version for each in stored.opset_import if each.domain == ""] == [20]


def test_what_cannot_be_exported_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound) as refused:
        export_onnx(tmp_path / "none", tmp_path / "out")
    assert refused.value.details["field"] == "model"
    folder = write_model(config(), tmp_path / "model")
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "file").touch()
    with pytest.raises(AlreadyExists):
        export_onnx(folder, tmp_path / "taken")
    save_file({"x": torch.zeros(1)}, folder / "model.safetensors")
    with pytest.raises(InvalidArgument, match="lacks"):
        export_onnx(folder, tmp_path / "out")
    with pytest.raises(Unsupported, match="transformer"):
        export_onnx(tiny_bert.save(tiny_bert.make(), tmp_path / "encoder"), tmp_path / "out")
    assert {path.name for path in tmp_path.iterdir()} == {"encoder", "model", "taken"}
