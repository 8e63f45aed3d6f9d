"""A bar on a terminal: how far, how long still, and the last figures."""

from collections.abc import Mapping

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from colonnade.learn.reports.events import Began, Evaluated, Event, Progressed, Said, Sampled, Saved, Stepped

_SHOWN: Mapping[str, str] = {
    "loss": "loss {:.3f}",
    "learning_rate": "rate {:.1e}",
    "gradient_norm": "gradient {:.2f}",
    "tokens_per_second": "{:,.0f} tokens/s",
}


class Bar:
    def __init__(self, steps: int, console: Console | None = None) -> None:
        self._steps = steps
        self._progress = Progress(
            TextColumn("{task.description:<9}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[figures]}"),
            console=console or Console(stderr=True),
        )
        self._tasks: dict[str, TaskID] = {}
        self._progress.start()

    def __call__(self, event: Event) -> None:
        match event:
            case Progressed(stage, done, total):
                self._show(stage, done, total)
            case Stepped(step, values):
                figures = [text.format(values[name]) for name, text in _SHOWN.items() if name in values]
                self._show("train", step, self._steps, "  ".join(figures))
            case Evaluated(step, values):
                said = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
                self._print(f"step {step}: {said}")
            case Sampled(step, prompt, text):
                self._print(f"step {step}: {prompt!r} -> {text!r}")
            case Said(sentence):
                self._print(sentence)
            case Began(step):
                self._show("train", step, self._steps)
            case Saved():
                pass

    def close(self) -> None:
        self._progress.stop()

    def _print(self, line: str) -> None:
        self._progress.console.print(line, markup=False, highlight=False)

    def _show(self, name: str, done: int, total: int, figures: str = "") -> None:
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total, figures=figures)
        self._progress.update(self._tasks[name], completed=done, total=total, figures=figures)
