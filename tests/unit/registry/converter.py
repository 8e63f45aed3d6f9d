"""Stands in for ``colonnade.models.convert``: a program that does what the first line of its source says."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

DONE = {
    "event": "done", "family": "transformer", "parameters": 1_000_000, "size_label": "1M",
    "context_length": 64, "source_digest": f"sha256:{'ef' * 32}",
}  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("source", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    for name in ("--base", "--base-description", "--base-config"):
        parser.add_argument(name, default="")
    options = parser.parse_args()
    act, _, rest = options.source.read_text().partition("\n")
    if act == "adapt":
        return adapt(options.out, options.base, [options.base_description, options.base_config])
    return ACTS[act](options.out, rest) or 0


def say(event: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(event) + "\n")
    sys.stdout.flush()


def write(out: Path, weights: str) -> None:
    out.mkdir()
    (out / "colonnade.json").write_text('{"format": 1}')
    (out / "model.safetensors").write_text(weights)


def convert(out: Path, rest: str) -> None:
    say({"event": "progress", "stage": "read", "done": 1, "total": 4})
    write(out, rest)
    say({"event": "progress", "stage": "write", "done": 4, "total": 4})
    say({"event": "a later release's", "new": True})
    say(DONE)


def adapt(out: Path, base: str, files: list[str]) -> int:
    write(out, "weights")
    (out / "adapter_config.json").write_text(json.dumps(files))
    say(DONE | {"family": "lora", "base": base})
    return 0


def refuse(out: Path, rest: str) -> int:
    details = {"field": "source", "supported": ["llama"]}
    say({"event": "error", "code": "unsupported", "message": "architecture x", "details": details})
    return 2


def hang(out: Path, rest: str) -> None:
    """Tells its number and its parameters, and waits for its end."""
    facts = {"pid": os.getpid(), "nice": os.nice(0), "environment": dict(os.environ), "cwd": str(Path.cwd())}
    Path(rest).write_text(json.dumps(facts))
    say({"event": "progress", "stage": "read", "done": 0, "total": 1})
    signal.pause()


def crash(out: Path, rest: str) -> None:
    os.kill(os.getpid(), signal.SIGABRT)


def fail(out: Path, rest: str) -> int:
    sys.stderr.write("what went wrong\n")
    return 3


def shout(out: Path, rest: str) -> None:
    sys.stderr.write("noise\n" * 100_000)
    convert(out, rest)


def babble(out: Path, rest: str) -> None:
    sys.stdout.write(rest + "\n")


def long_line(out: Path, rest: str) -> None:
    sys.stdout.write("x" * 1_000_000)


def link(out: Path, rest: str) -> None:
    write(out, rest)
    (out / "tokenizer.json").symlink_to("/etc/hostname")
    say(DONE)


def nothing(out: Path, rest: str) -> None:
    say(DONE)


def empty(out: Path, rest: str) -> None:
    out.mkdir()
    say(DONE)


def done_but_failed(out: Path, rest: str) -> int:
    convert(out, rest)
    return 1


ACTS: dict[str, Any] = {
    act.__name__: act
    for act in (
        convert,
        refuse,
        hang,
        crash,
        fail,
        shout,
        babble,
        long_line,
        link,
        nothing,
        empty,
        done_but_failed,
    )
}

if __name__ == "__main__":
    sys.exit(main())
