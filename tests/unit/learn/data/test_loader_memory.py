"""Memory does not grow with the token set."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.unit.learn.data.sets import write_set

TOKENS = 100_000_000
"""200 MB on the disk."""
MOST_MIB = 24
READ_ALL = """
import re, sys
from itertools import islice
from pathlib import Path
from colonnade.learn.data.loader import Loader, LoaderSettings
from colonnade.learn.data.token_set import TokenSet

def resident() -> int:
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

held = TokenSet.open(Path(sys.argv[1]), verify=True)
settings = LoaderSettings(tokens=1024, rows=64, packing=sys.argv[2])
loader = Loader(held.rows("train"), settings, end_of_text=0, seed=1)
with loader.stream(0) as batches:
    list(islice(batches, 5))
before, peak, rows = resident(), 0, 0
with loader.stream(0) as batches:
    for number, batch in enumerate(islice(batches, sum(loader.rows.values()) // 64)):
        rows += len(batch.tokens_BT)
        if number % 10 == 0:
            peak = max(peak, resident())
print(rows, (peak - before) >> 10)
"""


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize(("packing", "size"), [("stream", 200_000), ("documents", 700)])
def test_reading_all_of_it_takes_no_more_than_reading_some(tmp_path: Path, packing: str, size: int) -> None:
    document = np.arange(size - 1) % 50_000 + 1
    write_set(
        tmp_path, {"a": [document] * (TOKENS // size)}, vocabulary=1 << 16, shard_tokens=TOKENS // 7
    )  # fmt: skip
    assert sum(path.stat().st_size for path in tmp_path.rglob("*.tokens")) == 2 * TOKENS // size * size
    out = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(tmp_path), packing], capture_output=True, text=True, check=True
    )
    found = re.fullmatch(r"(\d+) (-?\d+)\n", out.stdout)
    assert found
    assert int(found[1]) * 1024 > 0.95 * TOKENS
    assert int(found[2]) < MOST_MIB, f"the peak rose by {found[2]} MiB"
