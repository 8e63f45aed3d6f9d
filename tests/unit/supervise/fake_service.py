"""Stands in for a service: a unix socket that says "ready" to whoever connects, and a diary of what happened.

Standard library only and run without site packages, so that it starts in milliseconds.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

parser = argparse.ArgumentParser()
parser.add_argument("--name", required=True)
parser.add_argument("--folder", type=Path, required=True)
parser.add_argument("--exit", type=int, help="end at once with this status")
parser.add_argument("--never-ready", action="store_true")
parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM")
parser.add_argument("--hang", action="store_true", help="stop answering once the file <name>.hang exists")
parser.add_argument("--child", action="store_true", help="start a child that would outlive its parent")
parser.add_argument("--check", action="store_true", help="say whether it would start")
parser.add_argument("--refuses", help="the reason why it would not")
arguments = parser.parse_args()
if arguments.check:
    sys.exit(f"{arguments.name}: {arguments.refuses}" if arguments.refuses else 0)


def note(what: str) -> None:
    with (arguments.folder / "diary").open("a") as diary:
        diary.write(f"{arguments.name} {what}\n")


def leave(_number: int, _frame: object) -> None:
    note("stopped")
    sys.exit(0)


sys.stdout.write(f"{arguments.name} says hello\n")
sys.stdout.flush()
note(f"started {os.getpid()}")
if arguments.exit is not None:
    sys.stderr.write("something is wrong\n")
    sys.exit(arguments.exit)
signal.signal(signal.SIGTERM, signal.SIG_IGN if arguments.stubborn else leave)
if arguments.child:
    command = [sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"]
    child = subprocess.Popen(command, process_group=0)
    note(f"child {child.pid}")
listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
listener.bind(str(arguments.folder / "run" / f"{arguments.name}.sock"))
listener.listen()
while True:
    connection, _ = listener.accept()
    if arguments.hang and (arguments.folder / f"{arguments.name}.hang").exists():
        signal.pause()
    connection.sendall(b"alive" if arguments.never_ready else b"ready")
    connection.close()
