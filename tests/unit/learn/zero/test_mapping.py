"""Every field of DeepSpeed's configuration is mapped, kept or refused, each by its name."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from colonnade.errors import InvalidArgument, NotFound
from colonnade.learn.clipping import ClippingSettings
from colonnade.learn.optimisers import OptimiserSettings
from colonnade.learn.recipe.parts import BatchSettings, PrecisionSettings
from colonnade.learn.scaling import LossScaler, ScalingSettings
from colonnade.learn.schedules import ScheduleSettings
from colonnade.learn.verdicts import Action
from colonnade.learn.zero import read_zero
from colonnade.learn.zero.fields import KEPT, REFUSED, asks
from colonnade.learn.zero.mapping import map_zero
from colonnade.learn.zero.sharding import Sharding

DOCUMENTED: dict[str, Any] = {
    "train_batch_size": 1024,
    "train_micro_batch_size_per_gpu": 16,
    "gradient_accumulation_steps": 64,
    "gradient_clipping": 1.0,
    "steps_per_print": 100,
    "optimizer": {
        "type": "AdamW",
        "params": {"lr": 3e-4, "betas": [0.9, 0.95], "eps": 1e-8, "weight_decay": 0.1},
    },
    "scheduler": {
        "type": "WarmupDecayLR",
        "params": {
            "warmup_min_lr": 0,
            "warmup_max_lr": 3e-4,
            "warmup_num_steps": 1000,
            "warmup_type": "linear",
            "total_num_steps": 100_000,
        },
    },
    "fp16": {
        "enabled": True,
        "loss_scale": 0,
        "initial_scale_power": 16,
        "loss_scale_window": 1000,
        "hysteresis": 2,
        "min_loss_scale": 1,
    },
    "zero_optimization": {
        "stage": 3,
        "offload_optimizer": {"device": "cpu", "pin_memory": True},
        "offload_param": {"device": "cpu", "pin_memory": True},
        "overlap_comm": True,
        "contiguous_gradients": True,
        "sub_group_size": 1e9,
        "reduce_bucket_size": 5e8,
        "stage3_prefetch_bucket_size": 5e8,
        "stage3_param_persistence_threshold": 1e6,
        "stage3_max_live_parameters": 1e9,
        "stage3_max_reuse_distance": 1e9,
        "stage3_gather_16bit_weights_on_model_save": True,
    },
}


def changed(**fields: Any) -> dict[str, Any]:
    return DOCUMENTED | fields


def test_the_documented_configuration_is_a_recipe_of_sixteen_times_sixty_four_rows() -> None:
    mapped = map_zero(DOCUMENTED, 1)
    batch = BatchSettings.model_validate(mapped.recipe["batch"])
    assert (batch.rows, batch.accumulate) == (16, 64)
    assert mapped.recipe["parallel"] == {"shards": 1}
    precision = PrecisionSettings.model_validate(mapped.recipe["precision"])
    assert precision.kind == "float16-mixed"
    assert precision.scaling == ScalingSettings(
        initial_scale_power=16, loss_scale_window=1000, hysteresis=2, min_loss_scale=1.0
    )
    assert ClippingSettings.model_validate(mapped.recipe["clipping"]).limit == 1.0
    optimiser = OptimiserSettings.model_validate(mapped.recipe["optimiser"])
    assert (optimiser.name, optimiser.learning_rate, optimiser.betas) == ("adamw", 3e-4, (0.9, 0.95))
    schedule = ScheduleSettings.model_validate(mapped.recipe["schedule"])
    assert (schedule.kind, schedule.warm_up, schedule.final_share) == ("linear", 1000, 0)
    assert mapped.recipe["steps"] == 100_000
    assert mapped.sharding == Sharding(3, offload=True, pin_memory=True)
    assert "zero_optimization.stage3_prefetch_bucket_size" in mapped.kept


def test_two_processes_want_half_the_accumulation() -> None:
    with pytest.raises(InvalidArgument, match="write gradient_accumulation_steps 32") as refused:
        map_zero(DOCUMENTED, 2)
    assert refused.value.details["field"] == "train_batch_size"
    mapped = map_zero(changed(gradient_accumulation_steps=32), 2)
    assert mapped.recipe["batch"] == {"rows": 16, "accumulate": 64}
    assert mapped.recipe["parallel"] == {"shards": 2}


@given(st.integers(1, 32), st.integers(1, 32), st.integers(1, 8), st.sets(st.sampled_from("tmp"), min_size=2))
def test_two_of_the_three_numbers_of_a_batch_say_the_third(
    micro: int, passes: int, processes: int, said: set[str]
) -> None:
    fields = {
        "t": "train_batch_size",
        "m": "train_micro_batch_size_per_gpu",
        "p": "gradient_accumulation_steps",
    }
    values = {"t": micro * passes * processes, "m": micro, "p": passes}
    mapped = map_zero({fields[each]: values[each] for each in said}, processes)
    assert mapped.recipe["batch"] == {"rows": micro, "accumulate": passes * processes}


@pytest.mark.parametrize("said", [{}, {"gradient_accumulation_steps": 4}, {"train_batch_size": 7}])
def test_a_batch_that_is_not_said_or_not_whole_is_refused(said: dict[str, int]) -> None:
    with pytest.raises(InvalidArgument) as refused:
        map_zero(said, 2)
    assert refused.value.details["field"] == "train_batch_size"


def _nested(field: str, value: Any) -> dict[str, Any]:
    said: dict[str, Any] = {
        "train_batch_size": 8,
        "zero_optimization": {"stage": 3},
        "fp16": {"enabled": True},
    }
    place, (*above, last) = said, field.split(".")
    for name in above:
        place = place.setdefault(name, {})
    place[last] = value
    return said


@pytest.mark.parametrize("field", sorted(KEPT))
def test_a_kept_field_changes_nothing(field: str) -> None:
    for value in (True, 12345, {"enabled": True}):
        mapped = map_zero(_nested(field, value), 1)
        assert mapped.recipe == map_zero(_nested("train_batch_size", 8), 1).recipe
        assert KEPT[field] in mapped.kept.values()


@pytest.mark.parametrize("field", sorted(REFUSED))
def test_a_refused_field_is_refused_by_name_unless_it_asks_for_nothing(field: str) -> None:
    asking: list[Any] = [True, 12345, {"enabled": True, "more": 7}]
    for value in asking:
        with pytest.raises(InvalidArgument, match=field) as refused:
            map_zero(_nested(field, value), 1)
        assert refused.value.details["field"].startswith(field)
    silent: list[Any] = [None, False, {}, {"enabled": False, "more": 7}]
    for value in silent:
        assert map_zero(_nested(field, value), 1).recipe["batch"] == {"rows": 8, "accumulate": 1}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trian_batch_size", 8),
        ("zero_optimization.stge", 3),
        ("zero_optimization.stage", 4),
        ("zero_optimization.stage", True),
        ("zero_optimization.offload_param.device", "nvme"),
        ("zero_optimization.offload_optimizer.device", "nvme"),
        ("zero_optimization.offload_optimizer.pin_memory", "yes"),
        ("fp16.loss_scale", 128),
        ("fp16.loss_scale_window", 0),
        ("fp16.hysteresis", 1.5),
        ("fp16.auto_cast", True),
        ("gradient_clipping", -1),
        ("optimizer.type", "OneBitAdam"),
        ("scheduler.type", "OneCycle"),
        ("train_batch_size", "many"),
    ],
)
def test_what_is_not_known_or_cannot_be_is_refused_at_its_field(field: str, value: Any) -> None:
    with pytest.raises(InvalidArgument) as refused:
        map_zero(_nested(field, value), 1)
    assert refused.value.details["field"] == field


def test_half_precisions_exclude_each_other_and_neither_is_float32() -> None:
    for name in ("bf16", "bfloat16"):
        mapped = map_zero({"train_batch_size": 8, name: {"enabled": True}, "fp16": {"enabled": False}}, 1)
        assert mapped.recipe["precision"] == {"kind": "bfloat16-mixed"}
    assert map_zero({"train_batch_size": 8}, 1).recipe["precision"] == {"kind": "float32"}
    with pytest.raises(InvalidArgument, match="enable one of them"):
        map_zero(changed(bf16={"enabled": True}), 1)


@pytest.mark.parametrize(
    ("said", "name"), [("Adam", "adamw"), ("Lamb", "lamb"), ("Lion", "lion"), ("SGD", "sgd")]
)
def test_optimisers_have_the_defaults_of_deepspeed(said: str, name: str) -> None:
    mapped = map_zero({"train_batch_size": 8, "optimizer": {"type": said}}, 1)
    found = OptimiserSettings.model_validate(mapped.recipe["optimiser"])
    assert (found.name, found.weight_decay) == (name, 0.0)
    if name in ("adamw", "lamb"):
        assert found.betas == (0.9, 0.999)


def test_what_is_left_to_others_stays_theirs() -> None:
    """``auto`` is Hugging Face's word for it."""
    said = {
        "train_batch_size": "auto",
        "train_micro_batch_size_per_gpu": 8,
        "gradient_clipping": "auto",
        "fp16": {"enabled": "auto", "hysteresis": 3},
        "optimizer": {"type": "AdamW", "params": {"lr": "auto", "weight_decay": "auto"}},
        "scheduler": {"type": "WarmupLR", "params": {"warmup_num_steps": "auto", "warmup_type": "linear"}},
    }
    mapped = map_zero(said, 2).recipe
    assert mapped["batch"] == {"rows": 8, "accumulate": 2}
    assert mapped["precision"].keys() == {"scaling"}
    assert mapped["precision"]["scaling"]["hysteresis"] == 3
    assert mapped["optimiser"] == {"name": "adamw", "betas": [0.9, 0.999], "epsilon": 1e-8}
    assert mapped["schedule"] == {"kind": "constant"}
    assert "clipping" not in mapped


@pytest.mark.parametrize(
    ("kind", "params", "field"),
    [
        ("WarmupLR", {}, "warmup_type"),
        ("WarmupLR", {"warmup_type": "linear", "warmup_min_lr": 1e-5}, "warmup_min_lr"),
        ("WarmupCosineLR", {"warmup_type": "linear", "warmup_min_ratio": 0.1}, "warmup_min_ratio"),
    ],
)
def test_a_schedule_that_is_another_here_is_refused(kind: str, params: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        map_zero(changed(scheduler={"type": kind, "params": params}), 1)
    assert refused.value.details["field"] == f"scheduler.params.{field}"


@pytest.mark.parametrize("stage", [1, 2, 3])
def test_weights_are_gathered_once_a_step_before_stage_three(stage: int) -> None:
    said = Sharding(stage).arguments(torch.device("cpu"))
    assert said == ({} if stage == 3 else {"reshard_after_forward": False})


def test_what_is_offloaded_goes_to_the_machines_memory_where_there_is_an_accelerator() -> None:
    offloaded = Sharding(3, offload=True, pin_memory=True)
    assert "offload_policy" not in offloaded.arguments(torch.device("cpu"))
    assert offloaded.arguments(torch.device("cuda"))["offload_policy"].pin_memory
    assert map_zero(changed(zero_optimization={"stage": 2, "cpu_offload": True}), 1).sharding == Sharding(
        2, True
    )
    assert map_zero(changed(zero_optimization={"stage": 0}), 1).recipe["parallel"] == {"replicas": 1}
    for section, stage in (("offload_param", 2), ("offload_optimizer", 0)):
        with pytest.raises(InvalidArgument, match="say stage"):
            map_zero(changed(zero_optimization={"stage": stage, section: {"device": "cpu"}}), 1)


class _Documented:
    """DeepSpeed's rules as they are written, by counting iterations: what ``LossScaler`` is to equal."""

    def __init__(self, power: int, window: int, hysteresis: int, least: float, refill: bool) -> None:
        self.scale, self.left, self.iteration, self.last_overflow = 2.0**power, hysteresis, 0, -1
        self.window, self.hysteresis, self.least, self.refill = window, hysteresis, least, refill

    def update(self, overflowed: bool) -> bool:
        """False where it raises."""
        if overflowed:
            if self.hysteresis == 1 or self.left == 1:
                if self.scale == self.least:
                    return False
                self.scale = max(self.scale / 2, self.least)
            else:
                self.left -= 1
            self.last_overflow = self.iteration
        else:
            if self.refill:
                self.left = self.hysteresis
            stable = self.iteration - self.last_overflow - 1
            if stable > 0 and stable % self.window == 0:
                self.left, self.scale = self.hysteresis, self.scale * 2
        self.iteration += 1
        return True


@given(
    st.integers(0, 6),
    st.integers(1, 4),
    st.integers(1, 3),
    st.sampled_from([1, 2, 0.5]),
    st.booleans(),
    st.lists(st.booleans(), max_size=60),
)
def test_the_loss_scale_of_a_mapped_configuration_is_deepspeeds_step_by_step(
    power: int, window: int, hysteresis: int, least: float, refill: bool, overflows: list[bool]
) -> None:
    fp16 = {
        "enabled": True,
        "initial_scale_power": power,
        "loss_scale_window": window,
        "hysteresis": hysteresis,
        "min_loss_scale": min(least, 2**power),
        "consecutive_hysteresis": refill,
    }
    said = map_zero({"train_batch_size": 8, "fp16": fp16}, 1).recipe["precision"]["scaling"]
    scaler = LossScaler(ScalingSettings.model_validate(said))
    theirs = _Documented(power, window, hysteresis, float(min(least, 2**power)), refill)
    for overflowed in overflows:
        goes_on = theirs.update(overflowed)
        assert (scaler.update(overflowed).action is not Action.STOP) == goes_on
        if not goes_on:
            return
        assert scaler.scale == theirs.scale


def test_a_file_is_read_and_what_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "zero3.json"
    path.write_text(json.dumps(DOCUMENTED))
    assert read_zero(path, 1) == map_zero(DOCUMENTED, 1)
    for wrong in ("[1]", "{", '{"a": 1' + "," * 10, "\x00"):
        path.write_text(wrong)
        with pytest.raises(InvalidArgument, match=r"zero3\.json"):
            read_zero(path, 1)
    with pytest.raises(NotFound, match=r"missing\.json"):
        read_zero(tmp_path / "missing.json", 1)


SECTIONS = st.sampled_from(["stage", "enabled", "params", "type", "fp16", "zero_optimization"])


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=9),
        lambda each: st.dictionaries(SECTIONS, each, max_size=4),
        max_leaves=6,
    )
)
@settings(max_examples=60)
def test_any_document_is_mapped_or_refused_at_a_field(said: Any) -> None:
    document = {"train_batch_size": 8, "fp16": said, "zero_optimization": said, "optimizer": said}
    mapped, field = None, ""
    try:
        mapped = map_zero(document, 1)
    except InvalidArgument as error:
        field = str(error.details["field"])
    assert field if mapped is None else mapped.recipe["batch"] == {"rows": 8, "accumulate": 1}


def test_what_asks_for_something() -> None:
    something: list[Any] = [True, 2, "cpu", {"a": 1}]
    nothing: list[Any] = [False, None, 0, 1, -1, "none", {}]
    assert all(asks(value) for value in something)
    assert not any(asks(value) for value in nothing)
