"""``python -m colonnade.security.audit FILE...`` verifies audit logs; exit status 1 where one was changed.

``--show`` prints the records as well, one a line, opened; ``erased`` stands where a person's key is gone.
``--expect SEQ:HASH`` (with one file) is a head noted earlier; it must still be in the chain.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from colonnade.security.audit.record import Head
from colonnade.security.audit.verification import Verification, read_opened, verify
from colonnade.security.envelope import Keyring


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where every chain is as it was written."""
    parser = argparse.ArgumentParser(
        prog="python -m colonnade.security.audit", description="Verify audit logs."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument(
        "--show", action="store_true", help="print the records, with what can be opened of them"
    )
    parser.add_argument(
        "--keys", type=Path, metavar="KEYS", help="the file that COLONNADE_AUDIT_ENCRYPTION_KEY_FILE names"
    )
    parser.add_argument("--expect", type=_head, metavar="SEQ:HASH", help="a head noted earlier (one FILE)")
    given = parser.parse_args(arguments)
    if given.expect and len(given.files) > 1:
        parser.error("--expect goes with one FILE")
    if given.show:
        _show(given.files, Keyring.read(given.keys, "--keys") if given.keys else None)
    results = {path: verify(path, expected=given.expect) for path in given.files}
    for path, result in results.items():
        sys.stdout.write(_described(path, result))
    return 0 if all(result.ok for result in results.values()) else 1


def _show(files: Sequence[Path], keyring: Keyring | None) -> None:
    for path in filter(Path.exists, files):
        for record in read_opened(path, keyring):
            sys.stdout.write(json.dumps(asdict(record), sort_keys=True) + "\n")


def _head(text: str) -> Head:
    seq, _, digest = text.partition(":")
    if not seq.isdigit() or len(digest) != 64:
        raise argparse.ArgumentTypeError("a head is SEQ:HASH, as this command prints it")
    return Head(int(seq), digest)


def _described(path: Path, result: Verification) -> str:
    head = f", head {result.head.seq}:{result.head.hash}" if result.head else ""
    state = "in order" if result.ok else "CHANGED"
    lines = [f"{path}: {state}, {result.records} records{head}"]
    lines += [f"  line {problem.line}: {problem.what}" for problem in result.problems]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
