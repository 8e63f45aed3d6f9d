"""What one of several processes does: run after run in one process group, whose start takes longer than they.

``python -m tests.unit.learn.mesh.cases CASES``: a file of ``[{"name", "parallel", "recipe", "stop"}]``.
"""

import json
import sys
import traceback
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as dist

from colonnade.errors import ColonnadeError
from colonnade.learn.loop.stop import Stop
from colonnade.learn.mesh.joining import mesh_of
from colonnade.learn.mesh.settings import Layout, ParallelSettings
from colonnade.learn.place import Place
from colonnade.learn.recipe.reading import parse_recipe
from colonnade.learn.reports import Event, Stepped
from colonnade.learn.run import run


class Asking:
    """Asks the run to stop after a step, as a signal to one process would."""

    def __init__(self, stop: Stop, after: int | None) -> None:
        self._stop, self._after = stop, after

    def __call__(self, event: Event) -> None:
        if self._after is not None and isinstance(event, Stepped) and event.step >= self._after:
            self._stop.ask()

    def close(self) -> None:
        pass


def main(cases: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", timeout=timedelta(minutes=5))
    for case in json.loads(cases.read_text()):
        recipe = parse_recipe(json.dumps(case["recipe"]))
        settings = ParallelSettings(**case["parallel"])
        mesh = mesh_of(Layout.of(settings, dist.get_world_size()), torch.device("cpu"))
        stop = Stop()
        place = Place(cases.parent / case["name"], cases.parent / "data")
        try:
            run(recipe, place, Asking(stop, case.get("stop") if mesh.leads else None), stop, mesh)
        except ColonnadeError as error:
            (cases.parent / f"{case['name']}.{mesh.rank}.refused").write_text(json.dumps(error.details))
        except Exception:  # an unexpected failure of one case must not hang the rest: every rank has it
            (cases.parent / f"{case['name']}.{mesh.rank}.failed").write_text(traceback.format_exc())
    dist.destroy_process_group()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
