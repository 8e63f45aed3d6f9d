"""The loss and its gradients are those of torch's formulas, in chunks too, and a student learns by it."""

from itertools import pairwise
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import Tensor

from colonnade.errors import InvalidArgument
from colonnade.learn.compress import distillation
from colonnade.learn.compress.distillation import Distillation, divergence
from colonnade.learn.compress.settings import DistillationSettings
from colonnade.models.families.transformer.config import TransformerConfig
from colonnade.models.families.transformer.model import Transformer
from colonnade.models.families.transformer.objective import next_token
from colonnade.models.training import IGNORE, Loss

VOCABULARY = 23


def built(seed: int, **changes: Any) -> Transformer:
    sizes: dict[str, Any] = {
        "vocab_size": VOCABULARY, "context_length": 64, "width": 16, "layers": 2, "heads": 2, "kv_heads": 1,
        "head_width": 8, "hidden": 24,
    }  # fmt: skip
    torch.manual_seed(seed)
    model = Transformer(TransformerConfig(**sizes | changes))
    with torch.no_grad():
        for value in model.parameters():
            value.add_(torch.randn_like(value) * 0.2)
    return model


def rows(seed: int = 1, count: int = 3) -> tuple[Tensor, Tensor]:
    drawn_BT = torch.randint(0, VOCABULARY, (count, 13), generator=torch.Generator().manual_seed(seed))
    targets_BT = drawn_BT[:, 1:].clone()
    targets_BT[0, :4] = IGNORE
    return drawn_BT[:, :-1], targets_BT


def total(loss: Loss) -> Tensor:
    """As the loop adds it up, over the sum of targets."""
    assert loss.extra is not None
    return loss.nll + loss.extra * loss.targets


def by_torch(student: Transformer, teacher: Transformer, said: DistillationSettings) -> Tensor:
    tokens_BT, targets_BT = rows()
    learnt = targets_BT != IGNORE
    ours_NV, theirs_NV = student.forward_full(tokens_BT)[learnt], teacher.forward_full(tokens_BT)[learnt]
    p_NV, q_NV = ((each / said.temperature).softmax(-1) for each in (theirs_NV.detach(), ours_NV))
    if said.divergence == "reverse":
        p_NV, q_NV = q_NV, p_NV
    apart = (p_NV * (p_NV.log() - q_NV.log())).sum()
    text = F.cross_entropy(ours_NV, targets_BT[learnt], reduction="sum")
    return (1 - said.weight) * text + said.weight * said.temperature**2 * apart


def gradients(student: Transformer, loss: Tensor) -> list[Tensor]:
    return list(torch.autograd.grad(loss, list(student.parameters())))


@pytest.mark.parametrize("chunk", [1 << 20, VOCABULARY * 4 * 5, 1])
@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        DistillationSettings(),
        DistillationSettings(temperature=3.0, weight=0.7),
        DistillationSettings(temperature=0.5, weight=1.0, divergence="reverse"),
        DistillationSettings(weight=0.0),
    ],
    ids=str,
)
def test_is_torchs_formula_whatever_the_chunks(
    monkeypatch: pytest.MonkeyPatch, said: DistillationSettings, tied: bool, chunk: int
) -> None:
    monkeypatch.setattr(distillation, "CHUNK_BYTES", chunk)
    student, teacher = built(1, layers=1, tied=tied), built(2, tied=tied)
    found = total(Distillation(teacher, said)(student, *rows()))
    expected = by_torch(student, teacher, said)
    torch.testing.assert_close(found, expected)
    for ours, theirs in zip(gradients(student, found), gradients(student, expected), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)
    assert all(value.grad is None for value in teacher.parameters())


def test_no_more_logits_at_once_than_a_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distillation, "CHUNK_BYTES", VOCABULARY * 4 * 5)
    seen: list[int] = []
    plain = F.linear

    def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        seen.append(x.shape[0] if len(weight) == VOCABULARY else 0)
        return plain(x, weight, bias)

    monkeypatch.setattr(F, "linear", linear)
    student = built(1)
    torch.autograd.backward(total(Distillation(built(2), DistillationSettings())(student, *rows())))
    both_ways = 2 * 2 * 7
    assert max(seen) == 5
    assert len([each for each in seen if each]) == both_ways


def test_the_texts_part_is_next_token_prediction() -> None:
    student = built(1)
    found = Distillation(built(2), DistillationSettings())(student, *rows(), measure=True)
    alone = next_token(student, *rows(), measure=True)
    torch.testing.assert_close(found.nll, alone.nll)
    assert found.targets == alone.targets == 32
    assert found.measures["top1"] == alone.measures["top1"]
    assert found.measures["top5"] == alone.measures["top5"]
    assert found.measures["divergence"] > 0
    assert not Distillation(built(2), DistillationSettings())(student, *rows()).measures


def test_who_is_the_teacher_has_nothing_to_learn() -> None:
    ways: tuple[Any, ...] = ("forward", "reverse")
    for way in ways:
        said = DistillationSettings(weight=1.0, divergence=way, temperature=2.0)
        student = built(1)
        loss = total(Distillation(built(1), said)(student, *rows()))
        assert float(loss.detach()) == pytest.approx(0, abs=1e-4)
        assert max(float(each.abs().max()) for each in gradients(student, loss)) < 1e-4


logits = st.lists(st.floats(-20, 20, width=32), min_size=7, max_size=7)


@settings(max_examples=100, deadline=None)
@given(logits, logits, st.sampled_from(["forward", "reverse"]), st.floats(0.5, 5))
def test_more_of_the_teachers_tokens_tell_more(
    ours: list[float], theirs: list[float], way: Any, temperature: float
) -> None:
    student_CV, teacher_CV = torch.tensor([ours]).double(), torch.tensor([theirs]).double()

    def of(top: int | None) -> float:
        said = DistillationSettings(top=top, divergence=way, temperature=temperature)
        return float(divergence(student_CV, teacher_CV, said))

    found = [of(top) for top in range(1, 9)]
    assert found[0] >= -1e-9
    assert all(one <= other + 1e-9 for one, other in pairwise(found))
    assert found[5] == pytest.approx(of(None), abs=1e-9), "six of seven, and the seventh as the rest"
    assert found[6] == found[7] == of(None)


@pytest.mark.parametrize("top", [None, 4])
def test_a_small_student_learns_from_its_teacher(top: int | None) -> None:
    """On texts of which half are kept to see what was learnt."""
    teacher, student = built(2), built(1, layers=1, hidden=16)
    objective = Distillation(teacher, DistillationSettings(weight=1.0, top=top))
    optimiser = torch.optim.AdamW(student.parameters(), lr=1e-2)

    def apart(seed: int) -> float:
        with torch.no_grad():
            loss = Distillation(teacher, DistillationSettings())(student, *rows(seed, 64), measure=True)
        return float(loss.measures["divergence"] / loss.targets)

    before = apart(1000)
    for step in range(120):
        loss = objective(student, *rows(step, 16))
        torch.autograd.backward(total(loss) / loss.targets)
        optimiser.step()
        optimiser.zero_grad()
    assert apart(1000) < before / 3


def test_nothing_to_learn_is_no_loss() -> None:
    tokens_BT, targets_BT = rows()
    loss = Distillation(built(2), DistillationSettings())(
        built(1), tokens_BT, torch.full_like(targets_BT, IGNORE)
    )
    assert (float(total(loss).detach()), int(loss.targets)) == (0, 0)


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"temperature": 0}, "temperature"),
        ({"temperature": float("nan")}, "temperature"),
        ({"weight": 1.1}, "weight"),
        ({"divergence": "both"}, "divergence"),
        ({"top": 0}, "top"),
    ],
)
def test_wrong_settings_are_refused_by_field(wrong: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        DistillationSettings(**wrong)
    assert refused.value.errors()[0]["loc"] == (field,)


def test_another_vocabulary_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="vocabulary"):
        Distillation(built(1, vocab_size=24), DistillationSettings())(built(1), *rows())
