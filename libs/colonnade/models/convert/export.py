"""A version's files as a folder that Hugging Face's libraries open.

``python -m colonnade.models.convert.export FILES --out FOLDER``, for the process that starts it. A version is
kept in that layout already. What is done on the way: the weights are stored as the floats that are asked for,
and the tokenizer's configuration names the class that reads ``tokenizer.json`` as it is.
"""

import argparse
import json
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from colonnade.errors import ColonnadeError, Conflict, Internal, InvalidArgument, Unsupported
from colonnade.models.artefact import (
    CONFIG,
    DESCRIPTION,
    TOKENIZER_CONFIG,
    WEIGHTS,
    Description,
    read_config,
    required,
)
from colonnade.models.convert.child import leave, reason
from colonnade.models.convert.huggingface_weights import dtype_of, headers, stored_tensors
from colonnade.models.convert.progress import Emit, Progress, json_line
from colonnade.models.convert.source import digest_of
from colonnade.models.convert.write import flush, staged, write_weights
from colonnade.models.families.transformer.checkpoint import expected_shapes
from colonnade.models.families.transformer.hugging_face import from_hugging_face

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
FAMILIES = ("transformer", "lora")
"""Those whose versions other libraries open."""
READER = {"tokenizer_class": "PreTrainedTokenizerFast"}
"""For ``tokenizer_config.json``: without it some models' own classes would build another tokenizer."""
REFUSED = 2
Files = Mapping[str, Path]


def export(files: Files, out: Path, dtype: str, progress: Progress) -> None:
    """Fills the new folder ``out`` from a version's files by their names, or leaves nothing behind.

    ``dtype`` empty: as they are stored. Raises ``InvalidArgument``, ``Unsupported`` or ``AlreadyExists``."""
    if dtype and dtype not in DTYPES:
        raise InvalidArgument(f"dtype must be one of {', '.join(DTYPES)}", field="dtype")
    family = Description.read(required(files, DESCRIPTION)).family
    if family not in FAMILIES:
        raise Unsupported(
            f"versions of the family {family[:80]} cannot be exported; {' and '.join(FAMILIES)} can",
            field="family", supported=list(FAMILIES),
        )  # fmt: skip
    plain = [name for name in files if name not in (DESCRIPTION, CONFIG, WEIGHTS, TOKENIZER_CONFIG)]
    with staged(out) as folder:
        if family == "transformer":
            _write_model(files, folder, dtype, progress)
        for done, name in enumerate(plain, start=1):
            shutil.copyfile(files[name], folder / name)
            progress.report("write", done, len(plain))
        flush(folder)


def verify(files: Files, digests: Mapping[str, str], progress: Progress) -> None:
    """Raises ``Conflict`` for a file that is not what its digest says."""
    total, done = sum(path.stat().st_size for path in files.values()), 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress.report("read", done, total)

    for name, path in files.items():
        if digest_of([path], advance) != digests[name]:
            raise Conflict(f"the file {name} was changed; import the model again", field=name)


def tokenizer_config(files: Files) -> dict[str, Any]:
    return read_config(files[TOKENIZER_CONFIG], TOKENIZER_CONFIG) | READER


def _write_model(files: Files, folder: Path, dtype: str, progress: Progress) -> None:
    config = read_config(required(files, CONFIG), CONFIG)
    places = headers(required(files, WEIGHTS))
    tensors = stored_tensors(places, expected_shapes(from_hugging_face(config)))
    stored = {dtype_of(places[tensor.name]) for tensor in tensors}
    chosen = DTYPES[dtype] if dtype else max(stored, key=lambda each: each.itemsize)
    write_weights(tensors, chosen, folder / WEIGHTS, progress)
    named = {CONFIG: config | {"dtype": str(chosen).removeprefix("torch.")}}
    if TOKENIZER_CONFIG in files:
        named[TOKENIZER_CONFIG] = tokenizer_config(files)
    for name, said in named.items():
        text = json.dumps(said, indent=2, ensure_ascii=False, allow_nan=False) + "\n"
        (folder / name).write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m colonnade.models.convert.export", description=__doc__)
    parser.add_argument(
        "files", metavar="FILES", type=Path,
        help='a JSON file: {"config.json": {"path": ..., "digest": "sha256:..."}, ...}',
    )  # fmt: skip
    parser.add_argument("--out", type=Path, required=True, help="the folder to write; must not exist")
    parser.add_argument("--dtype", default="", help=f"{', '.join(DTYPES)}; left out: as stored")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, leave)
    return run(options.files, options.out, options.dtype, json_line)


def run(listing: Path, out: Path, dtype: str, emit: Emit) -> int:
    """Exports, telling ``emit`` of progress and of the end; the exit status."""
    progress = Progress(emit)
    try:
        listed = json.loads(listing.read_text())
        files = {name: Path(each["path"]) for name, each in listed.items()}
        verify(files, {name: each["digest"] for name, each in listed.items()}, progress)
        export(files, out, dtype, progress)
    except ColonnadeError as error:
        emit({"event": "error", "code": error.code, "message": error.message, "details": error.details})
    except (OSError, MemoryError) as error:
        told = Internal(f"the export failed: {reason(error)}")
        emit({"event": "error", "code": told.code, "message": told.message, "details": {}})
    else:
        emit({"event": "done"})
        return 0
    return REFUSED


if __name__ == "__main__":
    sys.exit(main())
