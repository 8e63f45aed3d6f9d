"""What each of Ray Train's workers does: it starts its process of the run, and waits for that."""

import os
import socket
from pathlib import Path
from typing import Any

import ray
from ray.train import get_context
from ray.train.collective import broadcast_from_rank_zero

from colonnade.training.adapters.groups import may_begin
from colonnade.training.adapters.job_folder import JobFolder
from colonnade.training.adapters.rank import Part, Rank


def work(said: dict[str, Any]) -> None:
    """What it raises has Ray Train end the whole group, and start another one."""
    folder, attempt, context = JobFolder(Path(said["folder"])), said["attempt"], get_context()
    number, found = context.get_world_rank(), context.get_world_size()
    place: tuple[str, int] | None = None
    if number == 0 and may_begin(folder, attempt, said["most_lost"]):
        place = ray.util.get_node_ip_address(), _free_port()
    place = broadcast_from_rank_zero(place)
    world = found - found % said["each"]
    if place is not None and number < world:
        rank = Rank(number, world, *place)
        Part(folder, attempt, rank, said["command"], os.environ, Path(said["work"])).run()


def _free_port() -> int:
    """Of this machine, a moment ago; where another one has it by then, the group is started again."""
    with socket.create_server(("", 0)) as server:
        port: int = server.getsockname()[1]
        return port
