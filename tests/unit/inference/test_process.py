"""The service as a process."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from colonnade.inference.__main__ import main
from colonnade.inference.settings import InferenceSettings

LIMIT = 30.0


@pytest.fixture
def home(short_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("COLONNADE_HOME", str(short_folder))
    return short_folder


def test_check_reports_what_would_run(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLONNADE_ENGINE_ADDRESSES", "a:1,b:2")
    assert main(["--check"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["listen"] == f"unix:{home}/run/inference.sock"
    assert report["engines"] == ["a:1", "b:2"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("COLONNADE_INFERENCE_RETRIES", "-1"),
        ("COLONNADE_INFERENCE_MAX_IN_FLIGHT", "0"),
        ("COLONNADE_INFERENCE_STATS_INTERVAL_SECONDS", "nan"),
        ("COLONNADE_LOG_LEVEL", "LOUD"),
        ("COLONNADE_HOME", "/" + "x" * 200),
    ],
)
def test_wrong_settings_are_one_line_and_a_status(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    assert main(["--check"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("inference: ")
    assert told.count("\n") == 1
    assert "Traceback" not in told


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--version"])
    assert left.value.code == 0
    assert capsys.readouterr().out.strip()


def test_its_metrics_have_a_port_of_their_own() -> None:
    assert InferenceSettings().metrics_port == 9101


async def test_the_process_serves_and_leaves_when_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone: healthy enough to answer, not ready without engine and registry, and gone at SIGTERM."""
    monkeypatch.setenv("COLONNADE_INFERENCE_METRICS_PORT", "0")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "colonnade.inference", stderr=subprocess.PIPE
    )
    try:
        async with asyncio.timeout(LIMIT):
            assert process.stderr is not None
            while json.loads(await process.stderr.readline())["event"] != "serving":
                pass
            async with grpc.aio.insecure_channel(f"unix:{home}/run/inference.sock") as channel:
                answer = await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            assert answer.status == health_pb2.HealthCheckResponse.NOT_SERVING
            process.send_signal(signal.SIGTERM)
            _, told = await process.communicate()
            assert process.returncode == 0
            assert b"Traceback" not in told
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
