"""The one distribution, proved whole: built, installed without the sources, every entry point run."""

import subprocess
import sys
import zipfile
from collections import Counter
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
ROOT = Path(__file__).resolve().parents[3]
TORCH_FREE = ("gateway", "inference", "registry", "training", "memory", "ethics", "console")


def _run(*command: str, cwd: Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=1500)
    assert not check or done.returncode == 0, f"{command}:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("dist")
    _run(
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--wheel-dir",
        str(out),
        str(ROOT),
        cwd=out,
    )
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment that has the wheel with the extras of the services without torch."""
    folder = tmp_path_factory.mktemp("env")
    _run(sys.executable, "-m", "venv", str(folder / "venv"), cwd=folder)
    _install(folder, wheel, ",".join(TORCH_FREE))
    return folder


def _install(folder: Path, wheel: Path, extras: str) -> None:
    pip = [
        str(folder / "venv/bin/python"),
        "-m",
        "pip",
        "install",
        "--quiet",
        "--constraint",
        str(ROOT / "constraints.txt"),
    ]
    _run(*pip, f"colonnade[{extras}] @ {wheel.as_uri()}", cwd=folder)


def test_no_module_stands_under_both_roots(wheel: Path) -> None:
    from_roots = Counter(
        path.relative_to(ROOT / root)
        for root in ("libs", "services")
        for path in (ROOT / root).rglob("*.py")
        if "__pycache__" not in path.parts
    )
    assert not [str(path) for path, count in from_roots.items() if count > 1]
    packed = {name for name in zipfile.ZipFile(wheel).namelist() if name.endswith(".py")}
    assert packed == {str(path) for path in from_roots}


def test_each_package_says_what_it_is() -> None:
    for root in ("libs", "services"):
        for folder in {
            path.parent for path in (ROOT / root).rglob("*.py") if "__pycache__" not in path.parts
        }:
            assert folder == ROOT / root / "colonnade" or (folder / "__init__.py").exists(), folder
        assert not (ROOT / root / "colonnade" / "__init__.py").exists()


@pytest.mark.parametrize("service", TORCH_FREE)
def test_services_start_without_torch(installed: Path, service: str) -> None:
    python = str(installed / "venv/bin/python")
    assert _run(python, "-c", "import torch", cwd=installed, check=False).returncode, "torch came along"
    assert "0." in _run(python, "-m", f"colonnade.{service}", "--version", cwd=installed).stdout
    _run(
        "env", f"COLONNADE_HOME={installed}/h", python, "-m", f"colonnade.{service}", "--check", cwd=installed
    )


def test_the_command_runs_without_torch(installed: Path) -> None:
    assert "generate" in _run(str(installed / "venv/bin/colonnade"), "--help", cwd=installed).stdout


def test_the_engine_and_the_converter_run_with_their_extra(installed: Path, wheel: Path) -> None:
    python = str(installed / "venv/bin/python")
    pip = [python, "-m", "pip", "install", "--quiet", "--constraint", str(ROOT / "constraints.txt"), "torch"]
    _run(*pip, cwd=installed)
    _install(installed, wheel, "all")
    _run("env", f"COLONNADE_HOME={installed}/h", python, "-m", "colonnade.engine", "--check", cwd=installed)
    assert "SOURCE" in _run(python, "-m", "colonnade.models.convert", "--help", cwd=installed).stdout
    where = _run(python, "-c", "import colonnade.engine as e; print(e.__file__)", cwd=installed).stdout
    assert str(installed) in where
