"""Next-token prediction over whole sequences, and what it costs to keep activations."""

import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from colonnade.errors import Unsupported
from colonnade.models.families import catalog
from colonnade.models.families.transformer.trainable import TRAINABLE
from colonnade.models.training import IGNORE


@pytest.fixture
def model() -> torch.nn.Module:
    torch.manual_seed(5)
    return TRAINABLE.build(TRAINABLE.presets["debug"]())


def _rows(rows: int, tokens: int) -> tuple[torch.Tensor, torch.Tensor]:
    chance = torch.Generator().manual_seed(1)
    drawn_BT = torch.randint(0, 97, (rows, tokens + 1), generator=chance)
    targets_BT = drawn_BT[:, 1:].clone()
    targets_BT[0, :5] = IGNORE
    return drawn_BT[:, :-1], targets_BT


def test_is_the_cross_entropy_of_the_logits(model: torch.nn.Module) -> None:
    tokens_BT, targets_BT = _rows(3, 20)
    loss = TRAINABLE.objective(model, tokens_BT, targets_BT, measure=True)
    logits_BTV = model.forward_full(tokens_BT)  # type: ignore[operator]
    expected = F.cross_entropy(logits_BTV.flatten(0, 1), targets_BT.flatten(), reduction="sum")
    torch.testing.assert_close(loss.nll, expected)
    assert loss.targets == 55
    assert 0 <= loss.measures["top1"] <= loss.measures["top5"] <= 55


def test_parts_add_up_to_the_whole(model: torch.nn.Module) -> None:
    tokens_BT, targets_BT = _rows(4, 16)
    whole = TRAINABLE.objective(model, tokens_BT, targets_BT)
    parts = [TRAINABLE.objective(model, tokens_BT[i : i + 1], targets_BT[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(sum(part.nll for part in parts), whole.nll)
    assert sum(int(part.targets) for part in parts) == whole.targets


def test_recomputing_activations_changes_no_gradient(model: torch.nn.Module) -> None:
    tokens_BT, targets_BT = _rows(2, 32)
    gradients = []
    for recompute in (False, True):
        for stack in TRAINABLE.stacks:
            vars(model.get_submodule(stack))["recompute"] = recompute
        loss = TRAINABLE.objective(model, tokens_BT, targets_BT)
        gradients.append(torch.autograd.grad(loss.nll, list(model.parameters())))
    assert all(torch.equal(*both) for both in zip(*gradients, strict=True))


def test_what_cannot_be_trained_is_refused() -> None:
    with pytest.raises(Unsupported, match="cannot be trained here"):
        catalog.trainable("encoder")
    assert catalog.trainable("transformer") is TRAINABLE
