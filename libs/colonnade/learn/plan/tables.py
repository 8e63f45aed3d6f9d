"""Plans as tables that people read: Markdown, with columns that line up in a terminal too."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from colonnade.learn.flops import count_parameters
from colonnade.learn.loop.precision import Precision
from colonnade.learn.memory import Setup, estimate_memory
from colonnade.learn.optimisers.settings import Name, OptimiserSettings
from colonnade.learn.plan.collectives import Timing
from colonnade.learn.plan.recommend import Choice, Recommendation
from colonnade.learn.zero.mapping import Mapped
from colonnade.models.families.transformer.config import TransformerConfig

OPTIMISERS: Sequence[Name] = ("adamw", "muon", "lion", "adafactor")
PRECISIONS = (Precision.FLOAT32, Precision.BFLOAT16_MIXED, Precision.BFLOAT16)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """The first column's words to the left, all others' to the right."""
    lines = [list(head), *(list(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]

    def written(line: Sequence[str]) -> str:
        cells = [
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return f"| {' | '.join(cells)} |"

    rule = f"|{'|'.join('-' * (width + 2) for width in widths)}|"
    return "\n".join([written(lines[0]), rule, *map(written, lines[1:])]) + "\n"


def of_presets(presets: Mapping[str, Callable[[], TransformerConfig]], tokens: int) -> str:
    """Counted parameters, and GB at the peak of a step of one row, by precision and optimiser."""
    rows = [
        [name, _millions(count_parameters(preset()).total), precision]
        + [_gigabytes(_total(preset(), tokens, precision, optimiser)) for optimiser in OPTIMISERS]
        for name, preset in presets.items()
        for precision in PRECISIONS
    ]
    return table(["preset", "parameters", "precision", *OPTIMISERS], rows)


def of_recommendation(found: Recommendation) -> str:
    """What was considered, what is recommended, why, and what to write into the recipe."""
    rows = [_considered(choice, found.choice) for choice in found.considered]
    rows += [[layout, *[""] * 4, f"cannot be: {why}"] for layout, why in found.undivided.items()]
    head = ["layout", "rows x passes", "standing GB", "peak GB", "sent MB", ""]
    why = "".join(f"- {reason}\n" for reason in found.reasons)
    return f"{table(head, rows)}\n{why}\n{fragment(found)}"


def fragment(found: Recommendation) -> str:
    """Of a recipe."""
    layout = found.choice.layout
    parallel = f"{{replicas: {layout.replicas}, shards: {layout.shards}, tensor: {layout.tensor}}}"
    recompute = ", recompute: true" if found.choice.setup.recompute else ""
    batch = f"{{rows: {found.rows}, accumulate: {found.accumulate}{recompute}}}"
    return f"parallel: {parallel}\nbatch: {batch}\n"


def of_timings(timings: Sequence[Timing]) -> str:
    rows = [
        [each.kind, _size(each.bytes), f"{each.seconds * 1e3:.3f}", f"{each.bandwidth / 1e6:.1f}"]
        for each in timings
    ]
    return table(["exchange", "size", "ms", "MB/s"], rows)


def of_mapping(mapped: Mapped, recipe: str) -> str:
    """``recipe`` is what is mapped, as YAML."""
    kept = table(["kept", "because"], sorted(mapped.kept.items())) if mapped.kept else ""
    where = "offloaded to the machine's memory" if mapped.sharding.offload else "on its device"
    return f"{recipe}\n# ZeRO stage {mapped.sharding.stage}, {where}\n\n{kept}"


def _considered(choice: Choice, best: Choice) -> list[str]:
    memory = choice.memory
    verdict = "recommended" if choice is best else "" if choice.fits else "does not fit"
    return [
        str(choice.layout),
        f"{choice.setup.rows} x {choice.setup.accumulate}",
        _gigabytes(memory.standing),
        _gigabytes(memory.total),
        f"{choice.sent.bytes / 1e6:.1f}",
        verdict,
    ]


def _total(config: TransformerConfig, tokens: int, precision: Precision, name: Name) -> int:
    optimiser = OptimiserSettings(name=name, learning_rate=1e-3)
    setup = Setup(
        optimiser=optimiser,
        rows=1,
        tokens=min(tokens, config.context_length),
        weights=precision.weights,
        products=precision.products,
    )
    return estimate_memory(config, setup).total


def _millions(number: int) -> str:
    return f"{number / 1e6:,.1f}M"


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.2f}"


def _size(size: int) -> str:
    for unit, power in (("GB", 30), ("MB", 20), ("KB", 10)):
        if size >= 1 << power:
            return f"{size / (1 << power):.4g} {unit}"
    return f"{size} B"
