"""A mixture of experts in place of a feed-forward layer (Shazeer et al. 2017, arXiv:1701.06538).

    p = softmax(router x);  the k most likely experts, by p + bias, take the token;
    out = sum over them of p_e / sum p * expert_e(x)

Dropless (Gale et al. 2022, arXiv:2211.15841): tokens are sorted by expert and every expert gets all of its
own, as one grouped product, so that a token's answer never depends on the others of its batch. ``bias``
balances loads without a loss (Wang et al. 2024, arXiv:2408.15664): after a step it rises for experts that had
less than their share, and it decides who is selected, never with what weight. ``balance`` is the loss of
Switch Transformers (Fedus et al. 2021, arXiv:2101.03961) for those who want one.

Over a process group the experts are divided: tokens go to where their expert is and come back (all-to-all).

Shapes: N tokens of all rows, D width, F hidden width, E experts, k choices a token, S = N k, L own experts.
"""

from typing import NamedTuple, Protocol

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from colonnade.errors import InvalidArgument


class Routed(NamedTuple):
    experts_Nk: Tensor
    weights_Nk: Tensor
    balance: Tensor
    """Scalar, 1 where loads and probabilities are even; to be made small."""


class Exchange(Protocol):
    """Brings tokens to the process that has their expert, and back. See ``colonnade.learn.experts``."""

    def __call__(self, x_SD: Tensor, given: Tensor, taken: Tensor) -> Tensor:
        """``given`` rows go to each process, ``taken`` come from each; in their order."""
        ...

    def counts(self, loads_E: Tensor) -> Tensor:
        """How many tokens each process has for each of the experts here: (P, L)."""
        ...


class Router(nn.Module):
    """Which experts take a token, and with what weight; computed in float32."""

    bias: Tensor
    loads: Tensor

    def __init__(self, width: int, experts: int, choices: int) -> None:
        super().__init__()
        if not 1 <= choices <= experts:
            raise InvalidArgument(
                f"mixture: choices is {choices}; it is between 1 and experts ({experts})",
                field="choices",
                limit=experts,
            )
        self.choices = choices
        self.weight = nn.Parameter(torch.empty(experts, width))
        nn.init.normal_(self.weight, std=0.02)
        self.register_buffer("bias", torch.zeros(experts))
        self.register_buffer("loads", torch.zeros(experts), persistent=False)

    def forward(self, x_ND: Tensor) -> Routed:
        shares_NE = F.linear(x_ND.float(), self.weight.float()).softmax(-1)
        experts_Nk = (shares_NE + self.bias).topk(self.choices, dim=-1).indices
        chosen_Nk = shares_NE.gather(1, experts_Nk)
        weights_Nk = chosen_Nk / chosen_Nk.sum(-1, keepdim=True)
        loads_E = torch.bincount(experts_Nk.flatten(), minlength=len(self.bias)).float()
        if self.training:
            self.loads += loads_E
        balance = len(self.bias) * (loads_E / loads_E.sum().clamp(min=1) * shares_NE.mean(0)).sum()
        return Routed(experts_Nk, weights_Nk.to(x_ND.dtype), balance)

    @torch.no_grad()
    def rebalance(self, rate: float) -> None:
        """After a step: ``bias`` moves by ``rate`` towards experts that had less than the mean since the last
        call."""
        self.bias += rate * torch.sign(self.loads.mean() - self.loads)
        self.loads.zero_()


def violation(loads_E: Tensor) -> float:
    """How far the busiest expert is above the mean, relative to it: 0 where all are alike."""
    mean = float(loads_E.float().mean())
    return float(loads_E.max()) / mean - 1 if mean else 0.0


class Experts(nn.Module):
    """SwiGLU layers side by side: down(silu(gate(x)) * up(x)), each of its own tokens."""

    def __init__(self, width: int, hidden: int, experts: int) -> None:
        super().__init__()
        self.gate = nn.Parameter(torch.empty(experts, width, hidden))
        self.up = nn.Parameter(torch.empty(experts, width, hidden))
        self.down = nn.Parameter(torch.empty(experts, hidden, width))
        for weights in (self.gate, self.up, self.down):
            nn.init.normal_(weights, std=0.02)

    def forward(self, x_SD: Tensor, ends_E: Tensor) -> Tensor:
        """Tokens sorted by expert; ``ends_E`` (int32) says where each expert's end."""
        gate_SF = F.grouped_mm(x_SD, self.gate, offs=ends_E)
        up_SF = F.grouped_mm(x_SD, self.up, offs=ends_E)
        out_SD: Tensor = F.grouped_mm(F.silu(gate_SF) * up_SF, self.down, offs=ends_E)
        return out_SD

    def plainly(self, x_SD: Tensor, ends_E: Tensor) -> Tensor:
        """The same, expert by expert: what ``forward`` is checked against."""
        parts, start = [], 0
        for expert, end in enumerate(ends_E.tolist()):
            x = x_SD[start:end]
            parts.append((F.silu(x @ self.gate[expert]) * (x @ self.up[expert])) @ self.down[expert])
            start = end
        return torch.cat(parts)


class Mixture(nn.Module):
    """Takes the place of ``SwiGLU``: the same call, experts inside."""

    def __init__(
        self, width: int, hidden: int, experts: int, choices: int, *, exchange: Exchange | None = None,
        parts: int = 1,
    ) -> None:  # fmt: skip
        """``experts`` are those of all ``parts`` processes, which ``exchange`` joins; each has as many."""
        super().__init__()
        if experts % parts:
            raise InvalidArgument(
                f"mixture: {experts} experts are not divided by {parts} processes",
                field="experts",
                limit=parts,
            )
        self.router = Router(width, experts, choices)
        self.experts = Experts(width, hidden, experts // parts)
        self._exchange, self._parts = exchange, parts
        self.balance: Tensor | None = None
        """Of the last forward pass; a loss that wants it adds it."""

    def forward(self, x_XD: Tensor) -> Tensor:
        x_ND = x_XD.reshape(-1, x_XD.shape[-1])
        routed = self.router(x_ND)
        self.balance = routed.balance
        flat_S = routed.experts_Nk.flatten()
        order_S = flat_S.argsort(stable=True)
        tokens_S = order_S // self.router.choices
        loads_E = torch.bincount(flat_S, minlength=len(self.router.bias))
        out_SD = self._computed(x_ND[tokens_S], loads_E)
        weighted_SD = out_SD * routed.weights_Nk.flatten()[order_S, None]
        return torch.zeros_like(x_ND).index_add(0, tokens_S, weighted_SD).view_as(x_XD)

    def _computed(self, x_SD: Tensor, loads_E: Tensor) -> Tensor:
        """Of tokens sorted by expert, here or where the experts are."""
        if self._exchange is None:
            out_SD: Tensor = self.experts(x_SD, loads_E.cumsum(0).int())
            return out_SD
        counts_PL = self._exchange.counts(loads_E)
        given, taken = loads_E.view(self._parts, -1).sum(1), counts_PL.sum(1)
        arrived_SD = self._exchange(x_SD, given, taken)
        experts = torch.arange(counts_PL.shape[1], device=x_SD.device).repeat(self._parts)
        order = experts.repeat_interleave(counts_PL.flatten()).argsort(stable=True)
        out = self.experts(arrived_SD[order], counts_PL.sum(0).cumsum(0).int())
        back_SD: Tensor = self._exchange(torch.empty_like(out).index_copy(0, order, out), taken, given)
        return back_SD
