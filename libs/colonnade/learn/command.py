"""The command line. Of a run: a bar on a terminal, JSON lines for the process that started it.

Exit status: 0 done, 2 refused, 3 stopped (go on by the same command), 4 ended by its own health.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch

from colonnade.errors import ColonnadeError, Internal, InvalidArgument, Unavailable
from colonnade.learn.compress import command as prune_command
from colonnade.learn.converting import convert
from colonnade.learn.evaluating import judge
from colonnade.learn.export import command as export_command
from colonnade.learn.loop.stop import Stop
from colonnade.learn.loop.trainer import Ending, Outcome
from colonnade.learn.mesh.joining import is_joined, joined, leads
from colonnade.learn.mesh.processes import MEMBER, end_with_parent, start
from colonnade.learn.mesh.settings import Layout
from colonnade.learn.place import Place
from colonnade.learn.plan import command as plan_command
from colonnade.learn.recipe import AnyRecipe, ConvertRecipe, EvaluateRecipe, Recipe, read_any
from colonnade.learn.recipe.reading import schema
from colonnade.learn.reports import Listener, Listeners
from colonnade.learn.reports.bar import Bar
from colonnade.learn.reports.json_lines import JsonLines
from colonnade.learn.reports.tensor_board import TensorBoard
from colonnade.learn.reports.trackers import MlflowTracker, WandbTracker
from colonnade.learn.run import run
from colonnade.models.convert.child import reason

REFUSED = 2
_STATUS: Mapping[Ending, int] = {Ending.DONE: 0, Ending.STOPPED: 3, Ending.SICK: 4}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m colonnade.learn", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    runs = commands.add_parser(
        "run", help="train, evaluate or convert by a recipe; in the same folder again, go on"
    )
    runs.add_argument("recipe", type=Path, metavar="RECIPE", help="a YAML file")
    runs.add_argument("--out", type=Path, required=True, help="the run's folder")
    runs.add_argument("--data", type=Path, help="a folder for the token set that several runs share")
    runs.add_argument("--set", action="append", default=[], metavar="FIELD=VALUE", help="change the recipe")
    runs.add_argument("--threads", type=int, default=0, help="of torch; 0 leaves it as it is")
    runs.add_argument("--processes", type=int, default=0, help="on this machine; 0: as the recipe says")
    runs.add_argument(MEMBER, action="store_true", help=argparse.SUPPRESS)
    commands.add_parser("schema", help="what a recipe may say, as JSON Schema")
    for command in (prune_command, export_command, plan_command):
        command.add(commands)
    options = parser.parse_args(arguments)
    if "act" in options:
        return _act(options)
    if "show" in options:
        return _show(options)
    if options.command == "schema":
        sys.stdout.write(json.dumps(schema(), indent=2) + "\n")
        return 0
    if options.member:
        end_with_parent()
    if options.threads > 0:
        torch.set_num_threads(options.threads)
    return _run(options, sys.argv[1:] if arguments is None else arguments)


def _run(options: argparse.Namespace, arguments: Sequence[str]) -> int:
    worker = None if sys.stdout.isatty() else JsonLines(sys.stdout)
    try:
        recipe = read_any(options.recipe, options.set)
        place, stop = Place(options.out, options.data), Stop()
        if not isinstance(recipe, Recipe):
            outcome = _alone(recipe, place, worker, stop, options.processes)
        else:
            processes = options.processes or recipe.parallel.processes
            if processes > 1 and not is_joined():
                Layout.of(recipe.parallel, processes)
                return _together(arguments, processes, options.threads)
            with (
                stop.by_signal(),
                joined(recipe.parallel) as mesh,
                _listening(recipe, place, worker, tells=mesh.leads) as listener,
            ):
                outcome = run(recipe, place, listener, stop, mesh)
    except ColonnadeError as error:
        return _refused(error, worker)
    except (OSError, MemoryError) as error:
        return _refused(Internal(f"the run failed: {reason(error)}"), worker)
    if not leads():
        return 0  # the first one tells how it ended, when it has written what there is to write
    facts = {"ending": outcome.ending, "step": outcome.step, "metrics": dict(outcome.metrics)}
    if worker:
        worker.tell("done", sentence=outcome.sentence, **facts)
    else:
        sys.stdout.write(f"{outcome.sentence or 'done'}: {place.folder}\n")
    return _STATUS[outcome.ending]


def _alone(
    recipe: EvaluateRecipe | ConvertRecipe, place: Place, worker: JsonLines | None, stop: Stop, processes: int
) -> Outcome:
    """What one process does, the first of those that a cluster has started."""
    if processes > 1:
        raise InvalidArgument(
            f"processes: {recipe.kind} takes one process; only trainings are spread", field="processes"
        )
    if not leads():
        return Outcome(Ending.DONE, 0, {})
    with stop.by_signal(), _listening(recipe, place, worker) as listener:
        if isinstance(recipe, EvaluateRecipe):
            return judge(recipe, place, listener, stop)
        return convert(recipe, place, listener, stop)


def _together(arguments: Sequence[str], processes: int, threads: int) -> int:
    """The first one's exit status: it tells what happens."""
    ends = start(("-P", "-m", "colonnade.learn", *arguments), processes, threads)
    status = dict(ends)[0]
    if status < 0:
        rank, how = next(each for each in ends if each[1])
        raise Unavailable(
            f"process {rank + 1} of {processes} ended with status {how}; started again, the run goes on from"
            " its last checkpoint"
        )
    return status


def _act(options: argparse.Namespace) -> int:
    """A command that has a file of its own: it gives what is to be told of it."""
    worker = None if sys.stdout.isatty() else JsonLines(sys.stdout)
    try:
        facts = options.act(options)
    except ColonnadeError as error:
        return _refused(error, worker)
    except (OSError, MemoryError) as error:
        return _refused(Internal(f"{options.command} failed: {reason(error)}"), worker)
    if worker:
        worker.tell("done", **facts)
    else:
        sys.stdout.write(f"done: {options.out} ({', '.join(f'{name} {facts[name]}' for name in facts)})\n")
    return 0


def _show(options: argparse.Namespace) -> int:
    """A command whose answer is a text; it is empty where another process tells it."""
    try:
        sys.stdout.write(options.show(options))
    except ColonnadeError as error:
        return _refused(error, None)
    return 0


@contextmanager
def _listening(
    recipe: AnyRecipe, place: Place, worker: JsonLines | None, *, tells: bool = True
) -> Iterator[Listener]:
    if not tells:
        yield Listeners([])
        return
    steps = recipe.steps if isinstance(recipe, Recipe) else 0
    listeners: list[Listener] = [worker or Bar(steps), JsonLines.appended(place.log)]
    if isinstance(recipe, Recipe):
        listeners += _trackers(recipe, place)
    every = Listeners(listeners)
    try:
        yield every
    finally:
        every.close()


def _trackers(recipe: Recipe, place: Place) -> Iterator[Listener]:
    config, reports = recipe.model_dump(mode="json", by_alias=True), recipe.reports
    if reports.tensorboard:
        yield TensorBoard(place.tensorboard)
    if reports.wandb:
        yield WandbTracker(reports.wandb, recipe.digest[7:23], config)
    if reports.mlflow:
        yield MlflowTracker(reports.mlflow, recipe.name, recipe.digest[7:23], config)


def _refused(error: ColonnadeError, worker: JsonLines | None) -> int:
    if not leads():
        return REFUSED
    if worker:
        worker.tell("error", code=error.code, message=error.message, details=dict(error.details))
    else:
        sys.stderr.write(f"{error.message}\n")
    return REFUSED
