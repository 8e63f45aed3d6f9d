"""Two optimisers as one: Muon for hidden matrices, AdamW for everything else.

Muon (Jordan et al. 2024, https://kellerjordan.github.io/posts/muon/; scaled by Liu et al. 2025,
arXiv:2502.16982) replaces the momentum of a matrix by its nearest orthogonal matrix, found by a few
Newton-Schulz iterations. It is defined for matrices only, so it never comes alone. torch iterates in
bfloat16, which a CPU without instructions for it multiplies some thirty times slower than float32: on CPUs
the iterations are in the gradient's own precision, at least float32.
"""

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Muon, Optimizer

from colonnade.learn.mesh.parts import in_parts, part_like, whole


class MuonWithAdamW(Optimizer):
    """One list of groups, one state and one state_dict over both parts.

    Groups named ``hidden`` are Muon's. Both parts work on this optimiser's own groups and state, so whoever
    sets a learning rate or restores a state here does so for them.
    """

    def __init__(
        self, groups: list[dict[str, Any]], muon: Mapping[str, Any], adamw: Mapping[str, Any]
    ) -> None:
        parts: list[Optimizer] = []
        if mine := [group for group in groups if group["name"] == "hidden"]:
            matrices = [p for group in mine for p in group["params"]]
            torchs = not any(in_parts(p) or p.device.type == "cpu" for p in matrices)
            parts.append((Muon if torchs else _WholeMuon)(mine, **muon))
        if rest := [group for group in groups if group["name"] != "hidden"]:
            parts.append(AdamW(rest, **adamw))
        super().__init__([group for part in parts for group in part.param_groups], {})
        self._parts = parts
        self._share()

    def _share(self) -> None:
        start = 0
        for part in self._parts:
            end = start + len(part.param_groups)
            part.param_groups, part.state = self.param_groups[start:end], self.state
            start = end

    def __setstate__(self, state: dict[str, Any]) -> None:
        """What ``load_state_dict`` ends with: groups and state are new objects then."""
        super().__setstate__(state)
        self._share()

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for part in self._parts:
            part.step()
        return loss


class _WholeMuon(Muon):
    """torch's Muon, its groups and state the same, with iterations that are not rounded to bfloat16, and of
    whole matrices where processes hold parts of them."""

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group)

    def _move(self, parameter: Tensor, gradient: Tensor, group: Mapping[str, Any]) -> None:
        state, momentum = self.state[parameter], group["momentum"]
        if "momentum_buffer" not in state:
            state["momentum_buffer"] = torch.zeros_like(gradient)
        buffer: Tensor = state["momentum_buffer"]
        buffer.lerp_(gradient, 1 - momentum)
        update = gradient.lerp(buffer, momentum) if group["nesterov"] else buffer
        direction = _orthogonal(whole(update), group["ns_coefficients"], group["ns_steps"], group["eps"])
        rows, columns = parameter.shape
        scale = max(1, rows / columns) ** 0.5
        if group["adjust_lr_fn"] == "match_rms_adamw":
            scale = 0.2 * max(rows, columns) ** 0.5
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        moved = part_like(parameter, direction.to(parameter.dtype))
        parameter.add_(moved, alpha=-group["lr"] * scale)


def _orthogonal(
    update: Tensor, coefficients: tuple[float, float, float], steps: int, epsilon: float
) -> Tensor:
    """The nearest orthogonal matrix, roughly: singular values come near 1 by a quintic, step by step."""
    a, b, c = coefficients
    x = update.to(torch.promote_types(update.dtype, torch.float32))
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = x / x.norm().clamp(min=epsilon)
    for _ in range(steps):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x.T if tall else x
