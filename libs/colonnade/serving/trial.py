"""``python -m colonnade.serving.trial``: starts Ray as ``colonnade.serving`` would, for a moment.

A cluster of our own gets a folder of its own: the platform's may be in use.
"""

import json
import sys
import tempfile
from pathlib import Path

from colonnade.errors import ColonnadeError
from colonnade.serving.cluster import cluster
from colonnade.serving.settings import ServingSettings


def main() -> int:
    """Prints the cluster's processors, or what stands in the way."""
    try:
        with tempfile.TemporaryDirectory(prefix="cln-") as folder:
            print(json.dumps({"cpus": _cpus(Path(folder) / "ray")}))  # noqa: T201
    except ColonnadeError as error:
        print(json.dumps({"error": error.message}))  # noqa: T201
        return 1
    return 0


def _cpus(folder: Path) -> float:
    with cluster(ServingSettings(ray_dir=folder)):
        import ray

        return float(ray.cluster_resources().get("CPU", 0))


if __name__ == "__main__":
    sys.exit(main())
