"""The converter as a child: what it says is passed on, and it never outlives its import."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import aclosing
from pathlib import Path
from typing import Any

import psutil
import pytest

from colonnade.errors import DeadlineExceeded, Internal, Unsupported
from colonnade.registry.adapters.convert_process import ConvertProcess
from colonnade.registry.ports import Base, Converted, Progress

CONVERTER = (sys.executable, "-P", str(Path(__file__).with_name("converter.py")))
LIMIT = 20.0


@pytest.fixture
def importer(tmp_path: Path) -> ConvertProcess:
    environment = {"PATH": os.environ["PATH"], "COLONNADE_GATEWAY_BOOTSTRAP_KEY": "secret"}
    return ConvertProcess(tmp_path / "imports", environment, command=CONVERTER, threads=3)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "source.gguf"


async def convert(importer: ConvertProcess, source: Path, act: str, rest: str = "") -> list[Any]:
    source.write_text(f"{act}\n{rest}")
    async with asyncio.timeout(LIMIT), importer.workspace() as folder:
        return [event async for event in importer.convert(source, folder)]


async def until_hanging(importer: ConvertProcess, source: Path, tmp_path: Path) -> tuple[Any, dict[str, Any]]:
    """A running conversion and what its child has told of itself."""
    facts = tmp_path / "facts"
    source.write_text(f"hang\n{facts}")
    workspace = importer.workspace()
    folder = await workspace.__aenter__()
    events = importer.convert(source, folder)
    assert await anext(events) == Progress("read", 0.0)

    async def leave() -> None:
        await events.aclose()
        await workspace.__aexit__(None, None, None)

    return leave, json.loads(facts.read_text())


async def test_progress_then_the_result(importer: ConvertProcess, source: Path) -> None:
    *progress, made = await convert(importer, source, "convert", "weights")
    assert progress == [Progress("read", 0.25), Progress("write", 1.0)]
    assert isinstance(made, Converted)
    assert sorted(made.files) == ["colonnade.json", "model.safetensors"]
    assert (made.family, made.parameters, made.size_label, made.context_length) == (
        "transformer", 1_000_000, "1M", 64,
    )  # fmt: skip


async def test_the_workspace_goes_with_the_import(importer: ConvertProcess, source: Path) -> None:
    made = (await convert(importer, source, "convert"))[-1]
    assert not any(path.exists() for path in made.files.values())
    assert list((source.parent / "imports").iterdir()) == []


async def test_a_refusal_is_raised_as_it_was_said(importer: ConvertProcess, source: Path) -> None:
    with pytest.raises(Unsupported, match="architecture x") as refusal:
        await convert(importer, source, "refuse")
    assert refusal.value.details == {"field": "source", "supported": ["llama"]}


@pytest.mark.parametrize(
    ("act", "rest", "message"),
    [
        ("crash", "", "killed by SIGABRT"),
        ("fail", "", "exit status 3"),
        ("done_but_failed", "", "exit status 1"),
        ("babble", "not json", "not one of its events"),
        ("babble", "[1]", "not one of its events"),
        ("babble", "{}", "exit status 0"),
        ("long_line", "", "too long"),
        ("link", "", "not a regular file"),
        ("nothing", "", "cannot be read"),
        ("empty", "", "no colonnade.json"),
    ],
)
async def test_what_a_conversion_must_not_do(
    importer: ConvertProcess, source: Path, act: str, rest: str, message: str
) -> None:
    with pytest.raises(Internal, match=message) as failure:
        await convert(importer, source, act, rest)
    assert str(source.parent) not in failure.value.message


async def test_a_flood_of_complaints_neither_blocks_nor_fills_the_log(
    importer: ConvertProcess,
    source: Path,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert isinstance((await convert(importer, source, "shout", "w"))[-1], Converted)
    said = capsys.readouterr()
    assert (said.out + said.err + caplog.text).count("noise") <= 200


async def test_it_runs_apart_gives_way_and_knows_no_secrets(
    importer: ConvertProcess, source: Path, tmp_path: Path
) -> None:
    leave, facts = await until_hanging(importer, source, tmp_path)
    try:
        assert os.getpgid(facts["pid"]) == facts["pid"] != os.getpgid(0)
        assert psutil.Process(facts["pid"]).nice() >= 10
        assert facts["environment"]["OMP_NUM_THREADS"] == "3"
        assert not [name for name in facts["environment"] if name.startswith("COLONNADE")]
        assert Path(facts["cwd"]).is_relative_to(tmp_path / "imports")
    finally:
        await leave()


async def test_leaving_kills_it(importer: ConvertProcess, source: Path, tmp_path: Path) -> None:
    leave, facts = await until_hanging(importer, source, tmp_path)
    assert psutil.pid_exists(facts["pid"])
    await leave()
    assert not psutil.pid_exists(facts["pid"])
    assert list((tmp_path / "imports").iterdir()) == []


async def test_cancelling_kills_it(importer: ConvertProcess, source: Path, tmp_path: Path) -> None:
    facts = tmp_path / "facts"
    source.write_text(f"hang\n{facts}")
    hanging = asyncio.Event()

    async def run() -> None:
        async with importer.workspace() as folder, aclosing(importer.convert(source, folder)) as events:
            async for _ in events:
                hanging.set()

    task = asyncio.create_task(run())
    await asyncio.wait_for(hanging.wait(), LIMIT)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not psutil.pid_exists(json.loads(facts.read_text())["pid"])


async def test_a_conversion_that_takes_too_long(tmp_path: Path, source: Path) -> None:
    importer = ConvertProcess(tmp_path / "imports", os.environ, command=CONVERTER, seconds=0.5)
    with pytest.raises(DeadlineExceeded, match="COLONNADE_REGISTRY_IMPORT_SECONDS"):
        await convert(importer, source, "hang", str(tmp_path / "facts"))


async def test_it_dies_with_the_registry(source: Path, tmp_path: Path) -> None:
    """A parent that is killed with SIGKILL takes its converter with it."""
    facts = tmp_path / "facts"
    source.write_text(f"hang\n{facts}")
    parent = subprocess.Popen(  # noqa: ASYNC220
        [
            sys.executable,
            str(Path(__file__).with_name("import_once.py")),
            str(source),
            str(tmp_path / "imports"),
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    assert await asyncio.wait_for(asyncio.to_thread(parent.stdout.readline), LIMIT) == b"hanging\n"
    child = psutil.Process(json.loads(facts.read_text())["pid"])
    parent.send_signal(signal.SIGKILL)
    parent.wait(LIMIT)
    parent.stdout.close()
    await asyncio.to_thread(child.wait, LIMIT)
    assert not child.is_running()


def test_what_a_dead_registry_left_is_swept(importer: ConvertProcess, tmp_path: Path) -> None:
    left = tmp_path / "imports" / "tmpdead"
    left.mkdir(parents=True)
    (left / "model.safetensors").touch()
    importer.sweep()
    assert not left.exists()
    importer.sweep()


async def test_an_adapters_base_is_told_to_the_child(
    importer: ConvertProcess, source: Path, tmp_path: Path
) -> None:
    base = Base(f"sha256:{'ab' * 32}", tmp_path / "about", tmp_path / "config")
    source.write_text("adapt")
    async with importer.workspace() as folder:
        made = [event async for event in importer.convert(source, folder, base)][-1]
        assert isinstance(made, Converted)
        written = json.loads(made.files["adapter_config.json"].read_text())
    assert (made.family, made.base) == ("lora", base.digest)
    assert written == [str(base.description), str(base.config)]
