"""Direct preference optimisation against its formula, and its gradient against differences."""

import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from colonnade.learn.data.batches import IGNORE, TokenBatch
from colonnade.learn.data.preferences import PreferenceBatch
from colonnade.learn.tuning.adapting import adapt
from colonnade.learn.tuning.preferring import DirectPreference, losses
from colonnade.learn.tuning.settings import LoraTuning
from colonnade.models.families.transformer import Transformer, presets
from colonnade.models.families.transformer.objective import likelihoods
from colonnade.models.layers.lora import LoRALinear, bare

WORDS = 7


def _side(*rows: tuple[list[int], int]) -> TokenBatch:
    """Tokens of each row, and from which target on they are learnt."""
    width = max(len(tokens) for tokens, _ in rows) - 1
    tokens_BT, targets_BT = (
        torch.zeros(len(rows), width, dtype=torch.int64),
        torch.full((len(rows), width), IGNORE),
    )
    for row, (tokens, first) in enumerate(rows):
        tokens_BT[row, : len(tokens) - 1] = torch.tensor(tokens[:-1])
        targets_BT[row, first : len(tokens) - 1] = torch.tensor(tokens[first + 1 :])
    return TokenBatch(tokens_BT, targets_BT, torch.zeros(len(rows), dtype=torch.int64))


BATCH = PreferenceBatch(
    chosen=_side(([1, 2, 3, 4], 1), ([2, 2, 5], 0)),
    rejected=_side(([1, 2, 6, 1, 5], 1), ([2, 2, 3], 0)),
)


class Toy(nn.Module):
    """Next tokens by a table and an adapted layer, in float64."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.table = nn.Embedding(WORDS, 4).double().requires_grad_(False)
        self.layer = LoRALinear(nn.Linear(4, WORDS).double(), 2, 3.0)
        nn.init.normal_(self.layer.up, std=0.5)

    def forward(self, tokens_BT: Tensor) -> Tensor:
        logits_BTV: Tensor = self.layer(self.table(tokens_BT))
        return logits_BTV


def _scored(model: nn.Module, tokens_BT: Tensor, targets_BT: Tensor) -> Tensor:
    """Log-likelihoods by the plain formula."""
    logits_BTV: Tensor = model.forward_full(tokens_BT) if isinstance(model, Transformer) else model(tokens_BT)
    shares_BTV = logits_BTV.log_softmax(-1)
    found_BT = shares_BTV.gather(-1, targets_BT.clamp(min=0)[..., None])[..., 0]
    return found_BT.where(targets_BT != IGNORE, 0.0).sum(1)


def _by_hand(model: nn.Module, beta: float, smoothing: float) -> tuple[list[float], list[float]]:
    """Losses and beta h of each pair, number by number."""
    with torch.no_grad():
        now = [_scored(model, side.tokens_BT, side.targets_BT) for side in (BATCH.chosen, BATCH.rejected)]
        with bare(model):
            before = [
                _scored(model, side.tokens_BT, side.targets_BT) for side in (BATCH.chosen, BATCH.rejected)
            ]
    found, margins = [], []
    for pair in range(2):
        gain = float((now[0] - before[0])[pair] - (now[1] - before[1])[pair])
        right = 1 / (1 + math.exp(-beta * gain))
        found.append(-(1 - smoothing) * math.log(right) - smoothing * math.log(1 - right))
        margins.append(beta * gain)
    return found, margins


@pytest.mark.parametrize(("beta", "smoothing"), [(0.1, 0.0), (0.7, 0.0), (0.3, 0.2)])
def test_is_the_formula(beta: float, smoothing: float) -> None:
    model = Toy()
    found = DirectPreference(_scored, beta, smoothing)(model, BATCH)
    expected, margins = _by_hand(model, beta, smoothing)
    assert float(found.nll.detach()) == pytest.approx(sum(expected), rel=1e-9)
    assert int(found.targets) == BATCH.learnt == 2
    told = {name: float(value) for name, value in found.measures.items()}
    assert told["accuracy"] == sum(margin > 0 for margin in margins)
    assert told["margin"] == pytest.approx(sum(margins), rel=1e-9)
    assert told["chosen_reward"] - told["rejected_reward"] == pytest.approx(told["margin"], rel=1e-9)


def test_begins_at_the_logarithm_of_two_a_pair() -> None:
    model = Toy()
    nn.init.zeros_(model.layer.up)
    found = DirectPreference(_scored, 0.5)(model, BATCH)
    assert float(found.nll.detach()) == pytest.approx(2 * math.log(2), rel=1e-12)
    assert float(found.measures["margin"]) == 0


def test_its_gradient_is_that_of_differences() -> None:
    model, objective = Toy(), DirectPreference(_scored, 0.7, 0.1)
    learnt = [each for each in model.parameters() if each.requires_grad]
    assert len(learnt) == 2

    def loss(*values: Tensor) -> Tensor:
        with torch.no_grad():
            for each, value in zip(learnt, values, strict=True):
                each.copy_(value)
        return objective(model, BATCH).nll

    values = [each.detach().clone() for each in learnt]
    loss(*values).backward()  # type: ignore[no-untyped-call]
    for number, each in enumerate(learnt):
        assert each.grad is not None
        for at in range(each.numel()):
            assert float(each.grad.flatten()[at]) == pytest.approx(
                _difference(loss, values, number, at), rel=1e-6, abs=1e-9
            )


def _difference(loss: Callable[..., Tensor], values: list[Tensor], number: int, at: int) -> float:
    step, found = 1e-6, []
    for sign in (1, -1):
        moved = [value.clone() for value in values]
        moved[number].view(-1)[at] += sign * step
        found.append(float(loss(*moved).detach()))
    return (found[0] - found[1]) / (2 * step)


@given(st.floats(-30, 30), st.floats(0, 0.49))
def test_losses_fall_as_the_margin_grows_to_where_smoothing_has_it(margin: float, smoothing: float) -> None:
    margin_B = torch.tensor([margin], dtype=torch.float64, requires_grad=True)
    loss = losses(margin_B, smoothing).sum()
    loss.backward()  # type: ignore[no-untyped-call]
    assert margin_B.grad is not None
    assert float(margin_B.grad) == pytest.approx(1 / (1 + math.exp(-margin)) - (1 - smoothing), abs=1e-12)
    plain = F.binary_cross_entropy_with_logits(margin_B.detach(), torch.full_like(margin_B, 1 - smoothing))
    assert float(loss.detach()) == pytest.approx(float(plain), rel=1e-9, abs=1e-12)


def test_a_row_without_a_target_is_no_pair() -> None:
    nothing = _side(([0, 0], 1), ([1, 2], 1))
    found = DirectPreference(_scored, 0.5)(Toy(), PreferenceBatch(nothing, nothing))
    assert (float(found.nll.detach()), int(found.targets)) == (0.0, 0)
    assert PreferenceBatch(nothing, nothing).learnt == 0


def test_a_familys_likelihoods_are_those_of_its_logits() -> None:
    torch.manual_seed(0)
    model = Transformer(presets.debug())
    adapt(model, LoraTuning(rank=2))
    ours = likelihoods(model, BATCH.chosen.tokens_BT, BATCH.chosen.targets_BT)
    theirs = _scored(model, BATCH.chosen.tokens_BT, BATCH.chosen.targets_BT)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    learnt = [each for each in model.parameters() if each.requires_grad]
    for one, other in zip(
        torch.autograd.grad(ours.sum(), learnt), torch.autograd.grad(theirs.sum(), learnt), strict=True
    ):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)
