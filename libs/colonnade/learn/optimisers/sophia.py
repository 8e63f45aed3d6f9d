"""Sophia: momentum over a running estimate of the Hessian's diagonal, clipped (Liu et al. 2023,
arXiv:2305.14342).

    m <- b1 m + (1 - b1) g                  h <- b2 h + (1 - b2) estimate, every k steps
    w <- w - lr * decay * w;                w <- w - lr * clip(m / max(gamma h, epsilon), 1)

A step takes no closure. The loop calls, before ``step()`` wherever ``due(step)`` says so,

    optimiser.update_curvature(step, loss_fn, seed=seed)                          # hutchinson: Sophia-H
    optimiser.update_curvature(step, loss_fn, seed=seed, positions=positions)     # gauss_newton: Sophia-G

``loss_fn`` computes the mean loss of one micro-batch anew, uncompiled. Hutchinson's estimate is z * (H z):
any objective will do, but it differentiates twice, for which flash attention has no rule, so attention runs
by its plain formula there. Gauss-Newton's is ``positions`` times the squared gradient, one ordinary backward
pass; but the loss must be that of labels drawn from the model's own distribution (``draw_targets``), and
``positions`` their number.
"""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from pytorch_optimizer import SophiaH
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from colonnade.errors import InvalidArgument

Loss = Callable[[], Tensor]
Add = Callable[[Sequence[Tensor]], None]
_NEVER = 1 << 62


class Sophia(SophiaH):
    """pytorch-optimizer's update. The estimate comes from outside, times gamma already: the clip is at 1."""

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float],
        epsilon: float,
        every: int,
        scale: float,
        estimate: Literal["hutchinson", "gauss_newton"],
    ) -> None:
        super().__init__(groups, lr=lr, betas=betas, eps=epsilon, p=1.0, update_period=_NEVER)
        for group in self.param_groups:
            group["step"] = 1  # at 0 it would make an estimate of its own
        self._every, self._scale, self._estimate = every, scale, estimate

    @property
    def draws(self) -> bool:
        """Whether an estimate wants the loss of labels that are drawn from the model."""
        return self._estimate == "gauss_newton"

    def due(self, step: int) -> bool:
        """Whether the step, counted from 0, wants a new estimate."""
        return step % self._every == 0

    def update_curvature(
        self,
        step: int,
        loss_fn: Loss,
        *,
        seed: int = 0,
        positions: int | None = None,
        add: Add = lambda found: None,
    ) -> None:
        """Takes an estimate into the running one. Leaves the gradients as they are; what is drawn depends on
        ``seed`` and ``step`` alone. Where ``loss_fn`` is one process's part of the loss, ``add`` adds up what
        all of them found."""
        parameters = [p for group in self.param_groups for p in group["params"]]
        if self.draws:
            diagonal = _gauss_newton(parameters, loss_fn, positions, add)
        else:
            diagonal = _hutchinson(parameters, loss_fn, generator(seed, step, parameters[0].device), add)
        estimates = iter(diagonal)
        for group in self.param_groups:
            for parameter in group["params"]:
                moment = self._moments(parameter)["hessian_moment"]
                moment.lerp_(next(estimates) * self._scale, 1 - group["betas"][1])

    def _moments(self, parameter: Tensor) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[parameter]
        for key in ("momentum", "hessian_moment"):
            if key not in state:
                state[key] = torch.zeros_like(parameter)
        return state


def draw_targets(logits_XV: Tensor, random: torch.Generator) -> Tensor:
    """Labels drawn from the model's own distribution, (X): what Gauss-Newton's loss is taken against."""
    with torch.no_grad():
        chances_NV = logits_XV.float().flatten(0, -2).softmax(-1)
        return torch.multinomial(chances_NV, 1, generator=random).view(logits_XV.shape[:-1])


def generator(seed: int, step: int, device: torch.device) -> torch.Generator:
    """Random numbers of one step: the same whenever the step is repeated."""
    digest = hashlib.blake2b(f"curvature/{seed}/{step}".encode(), digest_size=8).digest()
    return torch.Generator(device).manual_seed(int.from_bytes(digest, "little") >> 1)


def _hutchinson(parameters: list[Tensor], loss_fn: Loss, random: torch.Generator, add: Add) -> list[Tensor]:
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        slopes = _gradients(loss_fn(), parameters, create_graph=True)
        probes = [torch.randn(p.shape, generator=random, device=p.device, dtype=p.dtype) for p in parameters]
        products = _gradients(slopes, parameters, grad_outputs=probes)
    add(products)
    return [probe * product for probe, product in zip(probes, products, strict=True)]


def _gauss_newton(parameters: list[Tensor], loss_fn: Loss, positions: int | None, add: Add) -> list[Tensor]:
    if positions is None or positions < 1:
        raise InvalidArgument(
            "sophia: curvature_estimate gauss_newton needs positions, how many labels the loss averages",
            field="positions",
        )
    with torch.enable_grad():
        slopes = _gradients(loss_fn(), parameters)
    add(slopes)
    return [slope * slope * positions for slope in slopes]


def _gradients(outputs: Any, parameters: list[Tensor], **how: Any) -> tuple[Tensor, ...]:
    """Zeros for a parameter that the loss does not depend on."""
    return torch.autograd.grad(outputs, parameters, allow_unused=True, materialize_grads=True, **how)
