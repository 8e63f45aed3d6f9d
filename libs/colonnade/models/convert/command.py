"""The command line: JSON lines on standard output, for the process that started it."""

import argparse
import os
import signal
from collections.abc import Sequence
from pathlib import Path

from colonnade.errors import ColonnadeError, Internal, InvalidArgument, NotFound, Unsupported
from colonnade.models.artefact import CONFIG
from colonnade.models.convert.adapter import Base, is_adapter, no_base, open_adapter, write_adapter
from colonnade.models.convert.child import leave, reason
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
    group = parser.add_argument_group("adapters (SOURCE is a folder that PEFT saved)")
    group.add_argument("--base", metavar="DIGEST", help="of the model version that it belongs to")
    group.add_argument("--base-description", metavar="FILE", type=Path, help="that version's colonnade.json")
    group.add_argument("--base-config", metavar="FILE", type=Path, help="that version's config.json")
    options = parser.parse_args(arguments)
    given = (options.base, options.base_description, options.base_config)
    if any(given) and not all(given):
        parser.error("--base, --base-description and --base-config go together")
    signal.signal(signal.SIGTERM, leave)
    return run(options.source, options.out, json_line, Base(*given) if all(given) else None)


def run(source: Path, out: Path, emit: Emit, base: Base | None = None) -> int:
    """Converts, telling ``emit`` of progress and of the end; the exit status."""
    try:
        convert(source, out, emit, base)
    except ColonnadeError as error:
        emit({"event": "error", "code": error.code, "message": error.message, "details": error.details})
    except (OSError, MemoryError) as error:
        told = Internal(f"the conversion failed: {reason(error)}")
        emit({"event": "error", "code": told.code, "message": told.message, "details": {}})
    else:
        return 0
    return REFUSED


def convert(source: Path, out: Path, emit: Emit, base: Base | None = None) -> None:
    """Turns ``source``, with a ``base`` an adapter, into the artefact folder ``out``.

    Raises ``ColonnadeError``."""
    progress = Progress(emit)
    if base is not None:
        if not is_adapter(source):
            raise InvalidArgument("only a folder that PEFT saved, an adapter, has a base", field="base")
        adapter = open_adapter(source.absolute(), base)
        digest = _digest(adapter.files, progress)
        description = write_adapter(adapter, digest, out, progress)
    else:
        opened = open_source(source)
        digest = _digest(opened.files, progress)
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
        | ({"base": description.base} if description.base else {})
    )


def open_source(path: Path) -> Source:
    """Reads what describes the model, not its weights."""
    real = Path(os.path.realpath(path)) if path.is_file() else path.absolute()
    if real.is_dir():
        if is_adapter(real) and not (real / CONFIG).exists():
            raise no_base()
        return open_folder(real)
    if not real.exists():
        raise NotFound("the source does not exist", field="source")
    if not real.is_file():
        raise InvalidArgument("the source must be a regular file or a folder", field="source")
    refuse_pickle(real)
    if real.suffix.lower() == ".safetensors":
        raise Unsupported("give the folder that holds the .safetensors and config.json", field="source")
    return open_gguf(real)


def _digest(files: Sequence[Path], progress: Progress) -> str:
    total = sum(path.stat().st_size for path in files)
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        done += count
        progress.report("read", done, total)

    return digest_of(files, advance)
