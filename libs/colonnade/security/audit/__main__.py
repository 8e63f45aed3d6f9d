"""``python -m colonnade.security.audit FILE...`` verifies audit logs; exit status 1 where one was changed.

``--expect SEQ:HASH`` (with one file) is a head noted earlier; it must still be in the chain.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from colonnade.security.audit.record import Head
from colonnade.security.audit.verification import Verification, verify


def main(arguments: Sequence[str] | None = None) -> int:
    """The exit status: 0 where every chain is as it was written."""
    parser = argparse.ArgumentParser(
        prog="python -m colonnade.security.audit", description="Verify audit logs."
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    parser.add_argument("--expect", type=_head, metavar="SEQ:HASH", help="a head noted earlier (one FILE)")
    given = parser.parse_args(arguments)
    if given.expect and len(given.files) > 1:
        parser.error("--expect goes with one FILE")
    results = {path: verify(path, expected=given.expect) for path in given.files}
    for path, result in results.items():
        sys.stdout.write(_described(path, result))
    return 0 if all(result.ok for result in results.values()) else 1


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
