"""``python -m colonnade.learn export``: a model folder in another program's format."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from colonnade.errors import InvalidArgument
from colonnade.learn.export.onnx import export_onnx
from colonnade.learn.export.triton import MOST_ROWS, export_triton

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add(commands: "_SubParsersAction[argparse.ArgumentParser]") -> None:
    made = commands.add_parser("export", help="write a model for ONNX Runtime or Triton")
    made.add_argument("model", type=Path, metavar="MODEL_FOLDER")
    made.add_argument("--to", choices=("onnx", "triton"), required=True)
    made.add_argument("--out", type=Path, required=True, help="a new folder; with triton, the repository")
    made.add_argument("--name", help="with triton: the model's name in the repository")
    made.add_argument("--version", type=int, help="with triton: the version's number; 1 if left out")
    made.add_argument("--rows", type=int, help=f"with triton: of the largest batch; {MOST_ROWS} if left out")
    made.set_defaults(act=_act)


def _act(options: argparse.Namespace) -> Mapping[str, Any]:
    """Raises a ``ColonnadeError`` that names the field."""
    given = {field: getattr(options, field) for field in ("name", "version", "rows")}
    if options.to == "onnx":
        for field, value in given.items():
            if value is not None:
                raise InvalidArgument(f"{field} is for --to triton; leave it out", field=field)
        export_onnx(options.model, options.out)
        return {"to": "onnx"}
    if options.name is None:
        raise InvalidArgument("name: Triton serves a model by its name; give one", field="name")
    version = 1 if options.version is None else options.version
    rows = MOST_ROWS if options.rows is None else options.rows
    export_triton(options.model, options.out, options.name, version=version, rows=rows)
    return {"to": "triton", "name": options.name, "version": version}
