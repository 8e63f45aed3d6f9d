"""Estimated bytes of a device against what real steps of several processes ask for."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch.distributed.device_mesh import init_device_mesh

from colonnade.learn.loop.precision import Precision
from colonnade.learn.memory import Setup, estimate_memory
from colonnade.learn.mesh.scalable_mesh import ScalableMesh
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.optimisers import OptimiserSettings, make_optimiser
from colonnade.learn.plan.memory import estimate_on
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.objective import next_token
from colonnade.models.families.transformer.trainable import TRAINABLE
from tests.unit.learn.living_tensors import LivingTensors
from tests.unit.learn.together import together

CONFIG = TransformerConfig(
    vocab_size=600, context_length=256, width=64, layers=4, heads=8, kv_heads=2, head_width=8, hidden=176
)
WIDER = replace(CONFIG, vocab_size=1000, width=128, head_width=16, hidden=352, layers=6)
ADAMW = OptimiserSettings(name="adamw", learning_rate=1e-3, implementation="single")


@dataclass(frozen=True, kw_only=True)
class Case:
    config: TransformerConfig = CONFIG
    layout: Layout
    precision: str = "float32"
    recompute: bool = False
    accumulate: int = 1

    @property
    def setup(self) -> Setup:
        precision = Precision(self.precision)
        return Setup(
            optimiser=ADAMW,
            rows=4,
            tokens=128,
            weights=precision.weights,
            products=precision.products,
            recompute=self.recompute,
            accumulate=self.accumulate,
        )


def _peak(case: Case) -> tuple[int, int]:
    """Of a step after the first: what stands before it, and the peak."""
    layout, precision = case.layout, Precision(case.precision)
    sizes = (layout.replicas, layout.shards, layout.tensor)
    devices = init_device_mesh("cpu", sizes, mesh_dim_names=("replica", "shard", "tensor"))
    mesh = ScalableMesh(torch.device("cpu"), layout, None, devices)
    model = Transformer(case.config).to(case.setup.weights)
    model.blocks.recompute = case.recompute
    mesh.spread(model, TRAINABLE)
    tokens = torch.arange(512).view(4, -1) % case.config.vocab_size
    with LivingTensors(model.parameters()) as living:
        optimiser = make_optimiser(model, ADAMW)
        for _ in range(3):  # the first has no state yet
            optimiser.zero_grad()
            living.from_here()
            stands = living.bytes
            for _ in range(case.accumulate):
                with precision.computing(torch.device("cpu")):
                    nll = next_token(model, tokens, tokens).nll
                torch.autograd.backward(nll)
                del nll
            mesh.sum_gradients(model)
            optimiser.step()
    return stands, living.peak


def _peaks(cases: list[Case]) -> list[tuple[int, int]]:
    return [_peak(case) for case in cases]


def _agree(cases: list[Case]) -> None:
    processes = cases[0].layout.world
    for found in together(processes, _peaks, cases):
        for case, (stands, peak) in zip(cases, found, strict=True):
            estimate = estimate_on(case.config, case.setup, case.layout)
            assert estimate.standing == pytest.approx(stands, rel=0.05), case
            assert estimate.total == pytest.approx(peak, rel=0.1), case


SHARDED, SPLIT, COPIED = Layout(1, 2, 1), Layout(1, 1, 2), Layout(2, 1, 1)


def test_estimates_are_within_a_tenth_of_the_measured_peaks() -> None:
    _agree(
        [
            Case(layout=SHARDED),
            Case(layout=SHARDED, recompute=True, accumulate=2),
            Case(layout=SPLIT),
            Case(layout=COPIED),
        ]
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "precisions"),
    [
        (CONFIG, ("float32", "bfloat16-mixed", "bfloat16")),
        (WIDER, ("bfloat16",)),
        (replace(CONFIG, tied=False), ("float32",)),
    ],
)
def test_so_they_are_in_every_precision(config: TransformerConfig, precisions: tuple[str, ...]) -> None:
    _agree(
        [
            Case(
                config=config, layout=layout, precision=precision, recompute=recompute, accumulate=accumulate
            )
            for precision in precisions
            for recompute in (False, True)
            for layout in (SHARDED, SPLIT, COPIED)
            for accumulate in (1, 2)
        ]
    )


@pytest.mark.slow
def test_so_they_are_on_four_processes() -> None:
    layouts = (Layout(1, 4, 1), Layout(1, 2, 2), Layout(4, 1, 1))
    _agree([Case(layout=layout, recompute=recompute) for layout in layouts for recompute in (False, True)])


@pytest.mark.parametrize("recompute", [False, True])
def test_one_process_takes_what_one_process_takes(recompute: bool) -> None:
    setup = Case(layout=Layout(), recompute=recompute).setup
    alone = estimate_memory(CONFIG, setup)
    found = estimate_on(CONFIG, setup, Layout())
    assert found.standing == alone.standing
    assert found.total == alone.total if not recompute else found.total <= alone.total
