"""A worker that does what its recipe's description says: ``python worker.py RECIPE --out FOLDER``."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def tell(file: object, event: str, **facts: object) -> None:
    print(json.dumps({"event": event, "at": time.time(), **facts}), file=file, flush=True)  # type: ignore[call-overload]


def main() -> int:
    recipe, folder = Path(sys.argv[1]).read_text(), Path(sys.argv[3])
    act = recipe.partition("description: ")[2].split("\n")[0]
    folder.mkdir(exist_ok=True)
    stopped = []
    if "stubborn" not in act:
        signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
    else:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if "child" in act:
        child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "import signal; signal.pause()"])
        (folder / "child").write_text(str(child.pid))
    with (folder / "runs").open("a") as file:
        file.write(f"{os.getpid()}\n")
    with (folder / "log.jsonl").open("a") as log:
        tell(log, "began", step=0)
        tell(log, "step", step=1, loss=2.5)
        if "refuse" in act:
            tell(sys.stdout, "error", code="invalid_argument", message="optimiser.name: there is no such one")
            return 2
        if "crash" in act:
            return 1
        while "hang" in act and not stopped and not (folder / "go").exists():
            time.sleep(0.01)
        tell(log, "evaluation", step=2, loss=2.0)
        tell(sys.stdout, "done", ending="stopped" if stopped else "done", sentence="", step=2)
        return 3 if stopped else 0


if __name__ == "__main__":
    sys.exit(main())
