"""PEFT's files: read as PEFT means them, and refused by name where they mean something else."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import peft
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.models.adapters.peft import CONFIG, WEIGHTS, PeftConfig
from colonnade.models.families.transformer import Transformer
from colonnade.models.families.transformer.checkpoint import load
from colonnade.models.protocol import Batch, Span
from colonnade.models.reference_state import ReferenceStates
from tests.unit.models import adapter_files, tiny_hf
from tests.unit.models.running import randomised, refusal_of

TOKENS = [7, 1, 250, 33, 99, 12]


@pytest.fixture
def model() -> Transformer:
    return randomised()


@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft asks transformers
@pytest.mark.parametrize(
    "options",
    [
        {"r": 4, "lora_alpha": 8, "target_modules": ["q_proj", "v_proj"]},
        {"r": 3, "lora_alpha": 5, "target_modules": "all-linear", "use_rslora": True},
        {
            "r": 2,
            "target_modules": ["down_proj"],
            "layers_to_transform": [1],
            "init_lora_weights": "gaussian",
        },
    ],
    ids=["attention", "all-stabilised", "one-layer"],
)
def test_logits_are_those_of_peft(options: Mapping[str, Any], tmp_path: Path) -> None:
    base = tiny_hf.make("Llama")
    ours = load({path.name: path for path in tiny_hf.save(base, tmp_path / "base").iterdir()})
    theirs = peft.get_peft_model(base, peft.LoraConfig(task_type="CAUSAL_LM", **options))
    with torch.no_grad():
        for name, parameter in theirs.named_parameters():
            if "lora_" in name:
                parameter.copy_(torch.randn_like(parameter) * 0.2)
    theirs.save_pretrained(tmp_path / "adapter")
    ours.adapters.add("a", adapter_files.parts(tmp_path / "adapter", ours.adapters))
    batch = Batch.of([Span(0, TOKENS, 0, len(TOKENS), want=range(len(TOKENS)), adapter="a")])
    with torch.inference_mode():
        found = ours.forward(batch, ReferenceStates(ours.states).of(batch)).logits_WV
        expected = theirs.eval()(torch.tensor([TOKENS])).logits[0]
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("use_dora", True),
        ("bias", "all"),
        ("modules_to_save", ["lm_head"]),
        ("rank_pattern", {"q_proj": 8}),
        ("alpha_pattern", {"q_proj": 8}),
        ("fan_in_fan_out", True),
        ("layer_replication", [[0, 2], [1, 3]]),
        ("lora_bias", True),
        ("target_parameters", ["experts"]),
        ("trainable_token_indices", [1]),
        ("init_lora_weights", "pissa_niter_4"),
        ("peft_type", "LOHA"),
        ("what_comes_next", {"year": 2027}),
    ],
)
def test_what_changes_the_equations_is_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(Unsupported) as refused:
        PeftConfig.of(adapter_files.config(**{field: value}))
    assert refused.value.details["field"] == field
    assert field in refused.value.message


@pytest.mark.parametrize(
    ("field", "value"),
    [("r", 0), ("r", 4096), ("r", True), ("r", None), ("lora_alpha", None), ("lora_alpha", "8")],
)
def test_numbers_out_of_range_are_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        PeftConfig.of(adapter_files.config() | {field: value})
    assert refused.value.details["field"] == field


@settings(max_examples=50)
@given(
    st.dictionaries(
        st.sampled_from([*adapter_files.config(), "use_dora", "new"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.lists(st.text()),
    )
)
def test_any_configuration_is_read_or_refused(changes: dict[str, Any]) -> None:
    def read() -> None:
        assert PeftConfig.of(adapter_files.config() | changes).scale is not None

    error = refusal_of(read)
    assert error is None or error.details["field"]


def _tampered(folder: Path, change: Any) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS)


A = "base_model.model.model.layers.0.self_attn.q_proj.lora_A.weight"
B = A.replace("lora_A", "lora_B")


@pytest.mark.parametrize(
    ("change", "kind", "field"),
    [
        (lambda t: t.update({A: torch.ones(4, 31)}), InvalidArgument, A),
        (lambda t: t.update({A: torch.ones(5, 32), B: torch.ones(32, 5)}), InvalidArgument, A),
        (lambda t: t.update({B: torch.ones(32, 4, 1)}), InvalidArgument, B),
        (lambda t: t.update({A: torch.ones(4, 32, dtype=torch.int32)}), Unsupported, A),
        (lambda t: t.update({A: torch.full((4, 32), torch.nan)}), InvalidArgument, A),
        (lambda t: t.pop(B), InvalidArgument, WEIGHTS),
        (lambda t: t.clear(), InvalidArgument, WEIGHTS),
        (lambda t: t.update({A.replace("q_proj", "out_proj"): t.pop(A)}), Unsupported, "target_modules"),
        (lambda t: t.update({A.replace("layers.0", "layers.7"): t.pop(A)}), Unsupported, "target_modules"),
        (
            lambda t: t.update({"base_model.model.lm_head.lora_A.weight": torch.ones(4, 32)}),
            Unsupported,
            "target_modules",
        ),
        (lambda t: t.update({A.replace("A.w", "magnitude_vector.w"): torch.ones(4)}), Unsupported, WEIGHTS),
        (lambda t: t.update({"base_model.model.norm.weight": torch.ones(32)}), Unsupported, WEIGHTS),
    ],
    ids=[
        "inputs", "rank", "axes", "integers", "nan", "no-b", "empty", "unknown", "layer", "head", "dora",
        "norm",
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_refused_by_name(
    change: Any, kind: type[ColonnadeError], field: str, model: Transformer, tmp_path: Path
) -> None:
    folder = adapter_files.write(tmp_path / "adapter", model.adapters.sites)
    _tampered(folder, change)
    with pytest.raises(kind) as refused:
        adapter_files.parts(folder, model.adapters)
    assert refused.value.details["field"] == field
    assert str(tmp_path) not in refused.value.message


def test_damaged_and_missing_files_are_refused(model: Transformer, tmp_path: Path) -> None:
    folder = adapter_files.write(tmp_path / "adapter", model.adapters.sites)
    (folder / WEIGHTS).write_bytes(b"\x08" + b"\0" * 20)
    with pytest.raises(InvalidArgument, match="damaged"):
        adapter_files.parts(folder, model.adapters)
    (folder / WEIGHTS).unlink()
    with pytest.raises(InvalidArgument, match="lacks"):
        adapter_files.parts(folder, model.adapters)
    (folder / CONFIG).write_text(json.dumps([]))
    with pytest.raises(InvalidArgument):
        adapter_files.parts(folder, model.adapters)


def test_parts_are_of_the_dtype_asked_for_and_own_their_memory(model: Transformer, tmp_path: Path) -> None:
    folder = adapter_files.write(tmp_path / "adapter", model.adapters.sites, rank=2)
    parts = adapter_files.parts(folder, model.adapters)
    model.adapters.add("a", parts)
    sites = model.adapters.sites.values()
    assert model.adapters.memory_bytes == sum(4 * 2 * (site.inputs + site.outputs) for site in sites)
    (folder / WEIGHTS).write_bytes(bytes((folder / WEIGHTS).stat().st_size))
    assert all(bool(part.down_RI.abs().sum() > 0) for part in parts.values())
