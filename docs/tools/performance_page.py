"""Writes docs/performance.md and its pictures from ``evidence/results/performance`` and the notes on cases.

Run with ``make performance-page``. A test compares what is committed with what this would write.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from docs.tools.charts import OURS, PEER, Bar, Line, bars, lines, short
from evidence.performance.cases import CASES, ON_A_GPU
from evidence.performance.result import Claim, Figure, Plot, Result, Table, read_all

DOCS = Path(__file__).resolve().parents[1]
PAGE = DOCS / "performance.md"
PICTURES = "pictures/performance"
NOTES = DOCS.parent / "evidence" / "performance" / "notes"

_INTRODUCTION = """# Performance

What the engine reaches, beside other engines on the same machine and beside what the machine itself can do.
Every figure is in `evidence/results/performance`, and `make evidence` measures it again; this page is written
from those files by `make performance-page`.

Engines take turns within one run, in an order that is turned round from one round to the next; whoever is not
asked is stopped. A figure is the median over rounds with its quartiles; a ratio is taken round by round. All
have the same weights, prompts (as token ids), numbers of greedy tokens and threads; tokens that end an answer
are ignored, so that all answers are equally long. The lines were drawn before any run, in
`evidence/performance/targets.py`.
"""


def render(results: Sequence[Result], notes: Mapping[str, str]) -> dict[str, str]:
    """The page and its pictures, by their paths in docs."""
    if not results:
        return {PAGE.name: f"{_INTRODUCTION}\nThere are no results yet: run `make evidence`.\n"}
    ordered = sorted(results, key=lambda result: (*CASES, *ON_A_GPU).index(result.case))
    pictures = {path: picture for result in ordered for path, picture in _pictures(result).items()}
    parts = [
        _INTRODUCTION,
        *_machine(ordered),
        *_summary(ordered),
        *_falls_short(ordered),
        *(line for result in ordered for line in _case(result, notes.get(result.case, ""))),
    ]
    return {PAGE.name: "\n".join(parts).rstrip() + "\n", **pictures}


def _machine(results: Sequence[Result]) -> Iterator[str]:
    yield "## Where and when\n"
    yield "| cases | commit | measured | processor | instructions | threads | memory | load before |"
    yield "|---|---|---|---|---|---|---|---|"
    for result in results:
        has = result.machine
        instructions = has["instructions"]
        listed = " ".join(instructions) if isinstance(instructions, list) else str(instructions)
        cells = [
            result.case, f"`{result.commit}`", result.measured, f"{has['processor']}, {has['cores']} cores",
            listed, has["threads"], f"{has['memory_gib']} GiB", has["load_before"],
        ]  # fmt: skip
        yield _row(cells)
    yield ""


def _summary(results: Sequence[Result]) -> Iterator[str]:
    yield "## Lines and where the figures fell\n"
    yield "| | case | line | measured | quartiles | holds |"
    yield "|---|---|---|---|---|---|"
    for result in results:
        for claim in result.claims:
            mark = "✓" if claim.holds else "✗"
            spread = f"{short(claim.measured.q1)} to {short(claim.measured.q3)}"
            held = "yes" if claim.holds else "**no**"
            yield _row([mark, _link(result), _line_of(claim), short(claim.measured.median), spread, held])
    yield ""


def _falls_short(results: Sequence[Result]) -> Iterator[str]:
    yield "## What falls short\n"
    short_of = [(result, claim) for result in results for claim in result.claims if not claim.holds]
    if not short_of:
        yield "Nothing, in this run.\n"
        return
    yield "Why, and what was tried, stands with each case.\n"
    for result, claim in short_of:
        yield (
            f"- {_link(result)}: {claim.says}. {_compared(claim)}: "
            f"{short(claim.measured.median)} where the line is {_line(claim)}."
        )
    yield ""


def _case(result: Result, note: str) -> Iterator[str]:
    yield f"## {result.title}\n"
    yield f"{result.budget.what}; {result.budget.rounds} rounds, {result.budget.seconds:.0f} s in all.\n"
    if _charted(result):
        yield f"![{result.title}]({PICTURES}/{result.case}.svg)\n"
    yield from _figures(result.figures)
    for claim in result.claims:
        verdict = "holds" if claim.holds else "**does not hold**"
        yield (
            f"- {claim.says}: {short(claim.measured.median)} ({_compared(claim)}; line: "
            f"{_line(claim)}): {verdict}."
        )
    yield ""
    for index, plot in enumerate(result.plots):
        yield f"![{plot.title}]({PICTURES}/{result.case}-{index}.svg)\n"
    for table in result.tables:
        yield from _table(table)
    if note:
        yield note.strip() + "\n"


def _figures(figures: Sequence[Figure]) -> Iterator[str]:
    for unit in dict.fromkeys(each.unit for each in figures):
        yield from _of_unit(unit, [each for each in figures if each.unit == unit])
    for what in dict.fromkeys(each.limit.what for each in figures if each.limit):
        yield f"The limit: {what}.\n"
    for each in figures:
        if each.not_run:
            yield f"Not run: {each.engine}: {each.not_run}.\n"


def _of_unit(unit: str, figures: Sequence[Figure]) -> Iterator[str]:
    yield f"| engine | weights | {unit} | quartiles | CPU s | wall s | of the limit |"
    yield "|---|---|---|---|---|---|---|"
    for each in figures:
        if each.value is None:
            yield _row([each.engine, each.precision, "not run", "", "", "", ""])
            continue
        spread = f"{short(each.value.q1)} to {short(each.value.q3)}"
        limit = f"{100 * each.limit.fraction:.0f}% of {short(each.limit.value)}" if each.limit else ""
        seconds = [short(value) if value else "" for value in (each.cpu_seconds, each.wall_seconds)]
        yield _row([each.engine, each.precision, short(each.value.median), spread, *seconds, limit])
    yield ""


def _table(table: Table) -> Iterator[str]:
    yield f"{table.title}:\n"
    yield _row(table.columns)
    yield "|" + "---|" * len(table.columns)
    yield from (_row(row) for row in table.rows)
    yield ""


def _charted(result: Result) -> bool:
    """Whether its figures are of one unit, and worth comparing."""
    ran = [each for each in result.figures if each.value]
    return len(ran) > 1 and len({each.unit for each in ran}) == 1


def _pictures(result: Result) -> dict[str, str]:
    drawn = {f"{PICTURES}/{result.case}-{index}.svg": _plot(plot) for index, plot in enumerate(result.plots)}
    if _charted(result):
        rows = [_bar(each) for each in result.figures if each.value]
        drawn[f"{PICTURES}/{result.case}.svg"] = bars(result.title, result.figures[0].unit, rows)
    return drawn


def _bar(figure: Figure) -> Bar:
    assert figure.value is not None, "only those that ran are drawn"
    return Bar(
        figure.engine,
        figure.value.median,
        figure.value.q1,
        figure.value.q3,
        OURS if figure.product == "Colonnade" else PEER,
        figure.limit.value if figure.limit else None,
    )


def _plot(plot: Plot) -> str:
    drawn = [Line(each.name, list(zip(each.x, each.y, strict=True))) for each in plot.series]
    return lines(plot.title, plot.x_label, plot.y_label, drawn)


def _line_of(claim: Claim) -> str:
    return f"{claim.says} ({_line(claim)})"


def _line(claim: Claim) -> str:
    value, side = (claim.at_least, "at least") if claim.at_least is not None else (claim.at_most, "at most")
    return f"{side} {short(value or 0.0)}"


def _link(result: Result) -> str:
    return f"[{result.title}](#{result.title.lower().replace(' ', '-')})"


def _compared(claim: Claim) -> str:
    return f"{claim.figure} beside {claim.baseline}" if claim.baseline else claim.figure


def _row(cells: Sequence[object]) -> str:
    return "| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |"


def notes() -> dict[str, str]:
    """What people wrote on each case."""
    return {path.stem: path.read_text() for path in sorted(NOTES.glob("*.md"))}


def write(docs: Path = DOCS) -> None:
    written = render(read_all(), notes())
    for stale in (docs / PICTURES).glob("*.svg"):
        stale.unlink()
    for path, text in written.items():
        (docs / path).parent.mkdir(parents=True, exist_ok=True)
        (docs / path).write_text(text)


if __name__ == "__main__":
    write()
