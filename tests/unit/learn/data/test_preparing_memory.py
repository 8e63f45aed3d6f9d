"""Memory does not grow with the corpus, and what is said of it is what is taken."""

import subprocess
import sys
from pathlib import Path

import pytest

from colonnade.learn.data.prepare import prepare
from tests.unit.learn.data.corpora import json_lines, settings, texts

pytestmark = pytest.mark.slow

_MEASURED = r"""
import re, sys
from pathlib import Path
from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.settings import DataSettings

prepare(DataSettings.model_validate_json(sys.argv[1]), Path(sys.argv[2]), stretch=400_000)
print(re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())[1])
"""


def _peak(folder: Path, documents: int) -> float:
    """In MiB. Not what getrusage says: that begins with the memory of who started the process."""
    tokenizer = {"kind": "file", "path": str(folder / "small")}
    said = settings(
        json_lines(folder / f"{documents}.jsonl", texts(documents)),
        tokenizer=tokenizer,
        duplicates={"memory_bytes": 1 << 20},
    )
    done = subprocess.run(
        [sys.executable, "-c", _MEASURED, said.model_dump_json(), str(folder / f"set of {documents}")],
        check=True,
        capture_output=True,
        env={"TOKENIZERS_PARALLELISM": "false", "OMP_NUM_THREADS": "1"},
    )
    return int(done.stdout) / 1024


def test_six_times_the_corpus_takes_no_more_memory(tmp_path: Path) -> None:
    prepare(settings(json_lines(tmp_path / "small.jsonl", texts(60))), tmp_path / "small")
    few, many = _peak(tmp_path, 2_000), _peak(tmp_path, 12_000)
    assert (tmp_path / "12000.jsonl").stat().st_size > 4_000_000
    assert many < few + 12
