"""Generates libs/colonnade/api from proto/. Run through ``make proto``; ``--check`` only compares."""

import argparse
import filecmp
import shutil
import sys
import tempfile
from importlib import resources
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parent
TARGET = ROOT.parent / "libs" / "colonnade" / "api"
DOCSTRING = '"""Generated from proto/ by ``make proto``; never edited by hand."""\n'


def generate(out: Path) -> None:
    """Writes the whole package ``colonnade.api`` below ``out``."""
    sources = sorted(str(path.relative_to(ROOT)) for path in (ROOT / "colonnade").rglob("*.proto"))
    includes = str(resources.files("grpc_tools") / "_proto")
    kinds = ("python_out", "grpc_python_out", "mypy_out", "mypy_grpc_out")
    arguments = ["protoc", f"-I{ROOT}", f"-I{includes}", *(f"--{kind}={out}" for kind in kinds), *sources]
    if protoc.main(arguments):
        raise SystemExit("protoc failed")
    package = out / "colonnade" / "api"
    for source in package.rglob("*_pb2_grpc.py*"):  # files without a service have an empty twin
        if (
            not (ROOT / source.relative_to(out))
            .with_name(source.name.split("_pb2")[0] + ".proto")
            .read_text()
            .count("\nservice ")
        ):
            source.unlink()
    for folder in [package, *(path for path in package.rglob("*") if path.is_dir())]:
        (folder / "__init__.py").write_text(DOCSTRING)


def differences(left: Path, right: Path) -> list[str]:
    """Relative paths that are not the same on both sides."""
    names = {
        p.relative_to(side)
        for side in (left, right)
        for p in side.rglob("*")
        if p.is_file() and "__pycache__" not in p.parts
    }
    return sorted(
        str(name)
        for name in names
        if not (left / name).is_file()
        or not (right / name).is_file()
        or not filecmp.cmp(left / name, right / name, shallow=False)
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="fail if libs/colonnade/api is not up to date")
    check = parser.parse_args().check
    with tempfile.TemporaryDirectory() as scratch:
        generate(Path(scratch))
        fresh = Path(scratch) / "colonnade" / "api"
        if check:
            if drift := differences(fresh, TARGET):
                sys.exit("libs/colonnade/api has drifted from proto/ (run `make proto`): " + ", ".join(drift))
            return
        shutil.rmtree(TARGET, ignore_errors=True)
        shutil.copytree(fresh, TARGET)


if __name__ == "__main__":
    main()
