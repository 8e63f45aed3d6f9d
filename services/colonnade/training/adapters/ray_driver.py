"""The driver of a run on a Ray cluster: ``ray_driver FOLDER ATTEMPT ... -- COMMAND``.

Ray Train keeps a group of workers going: where one is lost, with its machine or alone, it starts another
group, as large as the cluster has room for. The workers' processes do the rest (see ``ray_worker``). It ends
when the run has ended, was asked to end, or gets no further; what the first rank told last is how.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from colonnade.errors import Code, InvalidArgument
from colonnade.supervise.replicas import Replicas
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.last_words import say_last
from colonnade.training.adapters.parallel import Processes, processes_of


def main(arguments: Sequence[str] | None = None) -> int:
    options = options_of(arguments)
    folder = JobFolder(options.folder)
    try:
        processes = processes_of(folder.recipe.read_text(encoding="utf-8"), Replicas.parse(options.workers))
    except InvalidArgument as error:
        say_last(folder.of_attempt(options.attempt, "out"), error.code, error.message)
        return 2
    return _driven(folder, processes, options)


def _driven(folder: JobFolder, processes: Processes, options: argparse.Namespace) -> int:
    # A machine that is gone is counted for some seconds more: a group that waits for it is given up so soon.
    os.environ.setdefault("RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S", "30")
    # Here, not above: what is refused need not wait for it.
    from ray.train import FailureConfig, RunConfig, ScalingConfig, TrainingFailedError
    from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

    from colonnade.training.adapters import ray_worker

    each = {"CPU": options.cpus} | ({"GPU": options.gpus} if options.gpus else {})
    trainer = DataParallelTrainer(
        ray_worker.work,
        train_loop_config={
            "folder": str(folder.root),
            "attempt": options.attempt,
            "each": processes.each,
            "most_lost": options.most_lost,
            "command": options.command,
            "work": str(options.work),
        },
        scaling_config=ScalingConfig(
            num_workers=processes.range,
            use_gpu=bool(options.gpus),
            resources_per_worker=each,
            elastic_resize_monitor_interval_s=options.grow_seconds,
        ),
        run_config=RunConfig(
            name=f"{options.attempt:04d}",
            storage_path=str(folder.root / "ray"),
            failure_config=FailureConfig(max_failures=-1),  # the first rank counts, see ray_worker
        ),
    )
    try:
        trainer.fit()
    except TrainingFailedError as error:
        told = folder.of_attempt(options.attempt, "out")
        say_last(told, Code.UNAVAILABLE, f"Ray gave the run up ({type(error).__name__})")
        raise
    return 0


def options_of(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ray_driver")
    parser.add_argument("folder", type=Path)
    parser.add_argument("attempt", type=int)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--workers", required=True)
    parser.add_argument("--cpus", type=float, default=1)
    parser.add_argument("--gpus", type=float, default=0)
    parser.add_argument("--most-lost", type=int, default=3)
    parser.add_argument("--grow-seconds", type=float, default=300)
    parser.add_argument("command", nargs="+")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
