"""``colonnade up --ray --ray-address``: engines on a cluster that somebody else started."""

import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import psutil
import pytest

from tests.harness.platform import eventually, free_port
from tests.integration.serving.under_ray import (
    START_SECONDS,
    engines,
    gone,
    outcome,
    under_ray,
    unknown_caller,
)

pytestmark = pytest.mark.timeout(600)
RAY = str(Path(sys.executable).with_name("ray"))


@dataclass
class Cluster:
    process: psutil.Process
    address: str
    token: Path

    @property
    def environment(self) -> dict[str, str]:
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(self.token)}

    def engines(self) -> list[psutil.Process]:
        family = self.process.children(recursive=True)
        return [each for each in family if each.cmdline()[-1:] == ["colonnade.engine"]]


@pytest.fixture
def cluster(short_folder: Path) -> Iterator[Cluster]:
    """Of two processors, shut but for the token, on loopback."""
    token, port = short_folder / "token", free_port()
    token.write_text(secrets.token_hex(32))
    token.chmod(0o600)
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COLONNADE_")} | {
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN_PATH": str(token),
        "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0",
        "RAY_USAGE_STATS_ENABLED": "0",
    }
    command = [RAY, "start", "--head", "--block", "--node-ip-address", "127.0.0.1", "--port", str(port)]
    command += ["--ray-client-server-port", str(free_port()), "--include-dashboard=false", "--num-cpus", "2"]
    command += ["--object-store-memory", str(80 << 20), "--temp-dir", str(short_folder / "ray")]
    with (short_folder / "ray.log").open("wb") as log:
        started = subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    process = psutil.Process(started.pid)
    try:
        told = short_folder / "ray.log"
        eventually(lambda: "Ray runtime started" in told.read_text(), START_SECONDS, "the cluster runs")
        yield Cluster(process, f"127.0.0.1:{port}", token)
    finally:
        family = [process, *process.children(recursive=True)]
        started.terminate()
        psutil.wait_procs(family, 20)
        for each in family:
            if each.is_running():
                each.kill()
        started.wait()


def test_engines_join_answer_and_leave_and_the_cluster_goes_on(cluster: Cluster, tiny_model: Path) -> None:
    environment = cluster.environment | {"COLONNADE_SERVING_CPUS": "1"}
    with under_ray(tiny_model, "2", "--ray-address", cluster.address, **environment) as platform:
        ours = cluster.engines()
        assert len(ours) == 2
        assert all(str(platform.home) in address for address in engines(platform))
        assert {outcome(platform, number) for number in range(4)} == {"done"}
        assert platform.stop() == 0
        assert gone(ours)
    assert cluster.process.is_running()
    port, method = int(cluster.address.rpartition(":")[2]), "/ray.rpc.NodeInfoGcsService/GetAllNodeInfo"
    assert unknown_caller(port, method) == grpc.StatusCode.UNAUTHENTICATED
    assert [each.name() for each in cluster.process.children() if each.name() == "raylet"] == ["raylet"]
