"""A bar on a terminal, TensorBoard's files, MLflow's own client: each gets what it can show."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import (  # type: ignore[import-untyped]
    EventAccumulator,
)

from colonnade.errors import Unsupported
from colonnade.learn.reports import (
    Began,
    Evaluated,
    Event,
    Listeners,
    Progressed,
    Said,
    Sampled,
    Saved,
    Stepped,
)
from colonnade.learn.reports.bar import Bar
from colonnade.learn.reports.tensor_board import TensorBoard
from colonnade.learn.reports.trackers import MlflowTracker, WandbTracker

_EVENTS: list[Event] = [
    Progressed("prepare", 10, 10),
    Began(0),
    Stepped(5, {"loss": 2.25, "learning_rate": 1e-3, "tokens_per_second": 1234.0}),
    Evaluated(5, {"loss": 2.0, "perplexity": 7.389}),
    Sampled(5, "[red]Once", "upon"),
    Saved(5),
    Said("two gradients overflowed"),
]


def test_a_bar_shows_how_far_and_the_last_figures() -> None:
    screen = io.StringIO()
    bar = Bar(20, Console(file=screen, force_terminal=True, width=140))
    for event in _EVENTS:
        bar(event)
    bar.close()
    shown = screen.getvalue()
    for wanted in (
        "train",
        "5/20",
        "loss 2.250",
        "1,234 tokens/s",
        "perplexity 7.389",
        "'[red]Once' -> 'upon'",
    ):
        assert wanted in shown
    assert "two gradients overflowed" in shown


def test_tensorboard_forgets_what_a_killed_run_told_after_its_checkpoint(tmp_path: Path) -> None:
    for first, steps in ((0, (1, 2, 3)), (2, (3, 4))):
        board = TensorBoard(tmp_path)
        board(Began(first))
        for step in steps:
            board(Stepped(step, {"loss": float(10 * first + step)}))
        board(Evaluated(steps[-1], {"perplexity": 3.0}))
        board(Saved(steps[-1]))
        board.close()
    found = EventAccumulator(str(tmp_path)).Reload()
    assert [(each.step, each.value) for each in found.Scalars("train/loss")] == [
        (1, 1.0), (2, 2.0), (3, 23.0), (4, 24.0),
    ]  # fmt: skip
    assert found.Tags()["scalars"] == ["train/loss", "validation/perplexity"]


def test_mlflow_goes_on_with_the_run_of_the_same_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow import MlflowClient

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a real store of its own, without a server
    uri = f"file://{tmp_path / 'mlruns'}"
    for step in (1, 2):
        tracker = MlflowTracker(uri, "debug", "run-7", {"seed": 3})
        tracker(Stepped(step, {"loss": 1.0 / step}))
        tracker(Said("nothing for it"))
        tracker.close()
    client = MlflowClient(tracking_uri=uri)
    (run,) = client.search_runs([client.get_experiment_by_name("debug").experiment_id])
    assert run.data.params == {"seed": "3"}
    assert [each.step for each in client.get_metric_history(run.info.run_id, "train/loss")] == [1, 2]


def test_a_tracker_that_is_not_installed_is_refused_by_its_field(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "wandb", None)
    with pytest.raises(Unsupported, match="pip install wandb") as caught:
        WandbTracker("project", "key", {})
    assert caught.value.details["field"] == "reports.wandb"


def test_all_listeners_hear_everything_in_order() -> None:
    heard: list[tuple[int, Event]] = []

    class Ear:
        def __init__(self, number: int) -> None:
            self.number, self.closed = number, False

        def __call__(self, event: Event) -> None:
            heard.append((self.number, event))

        def close(self) -> None:
            self.closed = True

    ears = [Ear(0), Ear(1)]
    both = Listeners(ears)
    for event in _EVENTS[:2]:
        both(event)
    both.close()
    assert heard == [(number, event) for event in _EVENTS[:2] for number in (0, 1)]
    assert all(ear.closed for ear in ears)
