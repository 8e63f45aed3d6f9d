"""Which layout suits a run on so many devices: of those that fit, the one that sends least."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from colonnade.errors import InvalidArgument
from colonnade.learn.memory import Setup
from colonnade.learn.mesh.limits import WHOLE
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.plan.collectives import Link
from colonnade.learn.plan.memory import DeviceMemory, estimate_on
from colonnade.learn.plan.traffic import Sent, sent_by
from colonnade.models.families.transformer.config import TransformerConfig

RESERVE = 0.1
"""Share of a device's memory that is left to the allocator and its library."""


@dataclass(frozen=True, slots=True)
class Choice:
    layout: Layout
    setup: Setup
    """Of one process: its rows a pass, and its passes."""
    memory: DeviceMemory
    sent: Sent
    fits: bool


@dataclass(frozen=True, slots=True)
class Recommendation:
    choice: Choice
    rows: int
    """The recipe's batch.rows; with ``accumulate`` the same batch as was asked for."""
    accumulate: int
    reasons: Sequence[str]
    considered: Sequence[Choice]
    undivided: Mapping[str, str]
    """Layouts that the model or its batch cannot be divided by, and why."""


def recommend_parallelism(
    config: TransformerConfig,
    setup: Setup,
    devices: int,
    memory: int,
    *,
    machine: int | None = None,
    link: Link | None = None,
) -> Recommendation:
    """``setup`` is the recipe's, as one process would go through it; ``memory`` in bytes, of a device;
    ``machine`` how many devices are in one: ``tensor`` never goes further. With a measured ``link`` the least
    seconds count, else the fewest bytes. Refuses where nothing fits, and says how much would."""
    possible, undivided = _divided(config, setup, devices, machine or devices)
    for changed, why in _ways(setup):
        considered = [_considered(config, changed, layout, memory) for layout in possible]
        fit = [choice for choice in considered if choice.fits]
        if fit:
            best = min(fit, key=lambda choice: _cost(choice, link))
            reasons = [*why, *_reasons(best, fit, memory, link)]
            return Recommendation(best, changed.rows, changed.accumulate, reasons, considered, undivided)
    least = min(considered, key=lambda choice: choice.memory.total)
    there = _gb(int(memory * (1 - RESERVE)))
    raise InvalidArgument(
        f"memory: the least that a device would hold is {_gb(least.memory.total)} ({least.layout}, rows of"
        f" {setup.tokens}), and there are {there} beside a reserve; take more devices, a smaller preset,"
        " shorter rows, or an optimiser with less state (lion)",
        field="memory",
        limit=memory,
    )


def _ways(setup: Setup) -> Iterator[tuple[Setup, list[str]]]:
    """Of going through the same batch, the cheapest first: fewer rows at once cost little, recomputation a
    third more work."""
    for recompute in (False, True) if not setup.recompute else (True,):
        rows, accumulate = setup.rows, setup.accumulate
        while True:
            why = []
            if recompute and not setup.recompute:
                why.append("recompute: activations do not fit without it, one row at a time either")
            if rows < setup.rows:
                why.append(
                    f"batch: {rows} rows at once and {accumulate} passes fit, {setup.rows} rows do not"
                )
            yield replace(setup, rows=rows, accumulate=accumulate, recompute=recompute), why
            if rows % 2:
                break
            rows, accumulate = rows // 2, accumulate * 2


def _divided(
    config: TransformerConfig, setup: Setup, devices: int, machine: int
) -> tuple[list[Layout], dict[str, str]]:
    """Layouts of so many devices, the least divided first; and those that cannot be, with the reason."""
    possible, undivided = [], {}
    for tensor in (each for each in _divisors(devices) if each <= machine):
        for shards in _divisors(devices // tensor):
            layout = Layout(devices // tensor // shards, shards, tensor)
            if why := _undivided(config, setup, layout):
                undivided[str(layout)] = why
            else:
                possible.append(layout)
    if not possible:
        raise InvalidArgument(
            f"devices: {devices} do not divide this run ({'; '.join(sorted(set(undivided.values())))});"
            " take another number",
            field="devices",
        )
    return possible, undivided


def _divisors(number: int) -> list[int]:
    return [each for each in range(1, number + 1) if number % each == 0]


def _considered(config: TransformerConfig, setup: Setup, layout: Layout, memory: int) -> Choice:
    passes = layout.passes(setup.accumulate)
    rows = -(-setup.rows * setup.accumulate // (layout.parts * passes))
    mine = replace(setup, rows=rows, accumulate=passes)
    found = estimate_on(config, mine, layout)
    fits = found.total <= memory * (1 - RESERVE)
    return Choice(layout, mine, found, sent_by(config, mine, layout), fits)


def _undivided(config: TransformerConfig, setup: Setup, layout: Layout) -> str | None:
    for field in ("kv_heads", "heads", "hidden"):
        if getattr(config, field) % layout.tensor:
            return f"{field} is {getattr(config, field)}"
    if setup.optimiser.name in WHOLE and layout.shards * layout.tensor > 1:
        return f"{setup.optimiser.name} needs whole matrices"
    if setup.rows * setup.accumulate % layout.parts:
        return f"a step has {setup.rows * setup.accumulate} rows"
    return None


def _cost(choice: Choice, link: Link | None) -> tuple[float, int]:
    sent = choice.sent
    cost = sent.bytes if link is None else link.seconds(sent.bytes, sent.exchanges)
    return cost, choice.layout.shards * choice.layout.tensor


def _reasons(best: Choice, fit: Sequence[Choice], memory: int, link: Link | None) -> list[str]:
    said = [
        f"{best.layout}: {_gb(best.memory.total)} of {_gb(memory)} a device, of which"
        f" {_gb(best.memory.standing)} stand"
    ]
    if len(fit) > 1:
        second = min((each for each in fit if each is not best), key=lambda each: _cost(each, link))
        mine, theirs = (_spent(each, link) for each in (best, second))
        said.append(f"of those that fit it sends least: {mine} a step, {second.layout} would send {theirs}")
    elif best.layout.world > 1:
        said.append("no other layout fits")
    return said


def _spent(choice: Choice, link: Link | None) -> str:
    cost = _cost(choice, link)[0]
    return f"{cost / 1e6:.4g} MB" if link is None else f"for {cost:.3g} s"


def _gb(size: int) -> str:
    return f"{size / 1e9:.3g} GB"
