"""The stub of the platform as a process, for ``colonnade up``: ``... PORT FOLDER [keys]``."""

import signal
import sys
from pathlib import Path

from tests.unit.cli.stub import LISTED, Answer, Seen, Stub, error, serving


def without_models(stub: Stub) -> None:
    """As a fresh platform: the first import brings the first model."""
    imported = stub.routes["POST", "/models/import"]
    stub.routes["GET", "/models"] = Answer(body={"models": []})

    def bring(_seen: Seen) -> Answer:
        stub.routes["GET", "/models"] = Answer(body={"models": [LISTED]})
        assert isinstance(imported, Answer)
        return imported

    stub.routes["POST", "/models/import"] = bring


def main() -> None:
    port, folder, *flags = sys.argv[1:]
    with serving(int(port)) as stub:
        without_models(stub)
        if "keys" in flags:
            stub.routes["GET", "/models"] = error(401, "unauthenticated", "an API key is required")
        if "mute" in flags:
            stub.routes["POST", "/generate"] = error(400, "unsupported", "this model cannot")
        stub.routes["GET", "/health/ready"] = Answer(body={"status": "ready"})
        signal.sigwait({signal.SIGTERM, signal.SIGINT})
        seen = [f"{one.method} {one.path}" for one in stub.seen if "health" not in one.path]
        (Path(folder) / "asked").write_text("\n".join(seen))


if __name__ == "__main__":
    # Blocked before any thread starts, so that the signal is left for sigwait.
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT})
    main()
