"""The command line: JSON lines on standard output, for the process that started it."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from colonnade.errors import ColonnadeError, Internal, InvalidArgument, NotFound, Unsupported
from colonnade.models.convert.gguf_source import open_gguf
from colonnade.models.convert.huggingface_source import open_folder
from colonnade.models.convert.huggingface_weights import refuse_pickle
from colonnade.models.convert.progress import Emit, Progress, json_line
from colonnade.models.convert.source import Source, digest_of
from colonnade.models.convert.write import write_artefact

REFUSED = 2


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m colonnade.models.convert", description=__doc__)
    parser.add_argument(
        "source", metavar="SOURCE", type=Path, help="a .gguf file, or a Hugging Face model folder"
    )
    parser.add_argument(
        "--out", type=Path, required=True, help="the folder to write; must not exist or be empty"
    )
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, _leave)
    return run(options.source, options.out, json_line)


def run(source: Path, out: Path, emit: Emit) -> int:
    """Converts, telling ``emit`` of progress and of the end; the exit status."""
    try:
        convert(source, out, emit)
    except ColonnadeError as error:
        emit({"event": "error", "code": error.code, "message": error.message, "details": error.details})
    except (OSError, MemoryError) as error:
        told = Internal(f"the conversion failed: {_reason(error)}")
        emit({"event": "error", "code": told.code, "message": told.message, "details": {}})
    else:
        return 0
    return REFUSED


def convert(source: Path, out: Path, emit: Emit) -> None:
    """Turns ``source`` into the artefact folder ``out``; raises ``ColonnadeError``."""
    progress = Progress(emit)
    opened = open_source(source)
    digest = _digest(opened, progress)
    description = write_artefact(opened, digest, out, progress)
    emit(
        {
            "event": "done",
            "family": description.family,
            "parameters": description.parameters,
            "size_label": description.size_label,
            "context_length": description.context_length,
            "source_digest": digest,
        }
    )


def open_source(path: Path) -> Source:
    """Reads what describes the model, not its weights."""
    real = Path(os.path.realpath(path)) if path.is_file() else path.absolute()
    if real.is_dir():
        return open_folder(real)
    if not real.exists():
        raise NotFound("the source does not exist", field="source")
    if not real.is_file():
        raise InvalidArgument("the source must be a regular file or a folder", field="source")
    refuse_pickle(real)
    if real.suffix.lower() == ".safetensors":
        raise Unsupported("give the folder that holds the .safetensors and config.json", field="source")
    return open_gguf(real)


def _digest(source: Source, progress: Progress) -> str:
    total = sum(path.stat().st_size for path in source.files)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress.report("read", done, total)

    return digest_of(source.files, advance)


def _reason(error: BaseException) -> str:
    """What the system said, without the path that str(error) holds."""
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "out of memory" if isinstance(error, MemoryError) else "input or output error"


def _leave(_signal: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)  # unwinds, so that the half-written folder is removed
