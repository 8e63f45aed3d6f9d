"""The models that are compared: SmolLM2 as it is, pruned, and taught again after it; and one that was trained
in floating point and never rounded, as SmolLM2 comes on a 4-bit grid already.

They learn from the project's own pages, a fifth of whose paragraphs are held out to judge by.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colonnade.learn.compress.command import prune_folder
from colonnade.learn.compress.pruning import Sizes
from colonnade.learn.data.loader import Loader, LoaderSettings
from colonnade.learn.data.token_set import TokenSet
from colonnade.learn.export.onnx import export_onnx
from evidence.performance import model
from evidence.performance.engines.process import ROOT

HIDDEN = 1024
"""Of 1,536 feed-forward neurons in each layer."""
CALIBRATION = 16_000
"""Characters by which is judged which of them matter."""
LENGTH = 256
"""Tokens of a row."""
FLOATING = {
    "width": 256, "layers": 4, "heads": 4, "kv_heads": 2, "head_width": 64, "hidden": 704,
    "context_length": 512,
}  # fmt: skip
_PAGES = {
    "sources": [
        {"kind": "text", "name": "pages", "paths": [str(ROOT / "docs" / "*.md")], "unit": "paragraph"}
    ],
    "duplicates": {"kind": "exact"},
    "split": {"validation": 0.2},
}
Rows = tuple[list[list[int]], list[list[int]]]
"""Tokens, and what follows each."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """Makes folders below ``place``, each when it is asked for."""

    place: Path
    threads: int
    tell: Callable[[str], None]

    @classmethod
    def fresh(cls, threads: int, tell: Callable[[str], None]) -> "Workshop":
        place = model.FOLDER / "compression"
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        return cls(place, threads, tell)

    def pruned(self) -> Path:
        self.tell("  pruning")
        calibrate = self.place / "calibrate.txt"
        calibrate.write_text((ROOT / "CHANGELOG.md").read_text()[:CALIBRATION])
        prune_folder(
            model.folder(), self.place / "pruned", Sizes(hidden=HIDDEN), by="taylor", calibrate=calibrate
        )
        return self.place / "pruned"

    def taught(self, name: str, steps: int, objective: dict[str, Any]) -> Path:
        """The pruned model after so many steps."""
        said = {"data": _PAGES, "model": {"from": str(self.place / "pruned")}, "objective": objective}
        return self._learnt(name, said, steps, rows=4, rate=2e-4, data="pages")

    def floating(self, steps: int) -> Path:
        """A small one of our own, in float32 from its first step."""
        tokenizer = {"kind": "train", "vocabulary": 4096}
        said = {"data": _PAGES | {"tokenizer": tokenizer}, "model": {"preset": "debug", "with": FLOATING}}
        return self._learnt("floating", said, steps, rows=8, rate=2e-3, data="floating-pages")

    def held_out(self, data: str, count: int) -> Rows:
        """Rows that no model here learnt from."""
        tokens = TokenSet.open(self.place / data)
        settings = LoaderSettings(LENGTH, 1, "stream", {})
        loader = Loader(tokens.rows("validation"), settings, end_of_text=tokens.card.end_of_text, seed=0)
        batches = list(loader.whole(count))
        return (
            [batch.tokens_BT[0].tolist() for batch in batches],
            [batch.targets_BT[0].tolist() for batch in batches],
        )

    def onnx(self) -> Path:
        self.tell("  exporting to ONNX")
        export_onnx(model.folder(), self.place / "onnx")
        return self.place / "onnx" / "model.onnx"

    def _learnt(
        self, name: str, said: dict[str, Any], steps: int, *, rows: int, rate: float, data: str
    ) -> Path:
        """As the command trains it, in a process of its own."""
        self.tell(f"  learning: {name}, {steps} steps")
        recipe = self.place / f"{name}.yaml"
        recipe.write_text(
            json.dumps(
                said
                | {
                    "name": name,
                    "seed": 1,
                    "batch": {"tokens": LENGTH, "rows": rows},
                    "steps": steps,
                    "optimiser": {"name": "adamw", "learning_rate": rate},
                    "schedule": {"kind": "cosine", "warm_up": max(1, steps // 10)},
                    "evaluation": {"every": steps, "batches": 1},
                    "checkpoints": {"every": steps, "keep": 1},
                    "reports": {"tensorboard": False},
                }
            )
        )
        command = ["run", str(recipe), "--out", str(self.place / name), "--data", str(self.place / data)]
        done = subprocess.run(
            [sys.executable, "-m", "colonnade.learn", *command],
            check=False,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": str(self.threads)},
        )
        if done.returncode:
            raise RuntimeError(f"{name} was not learnt: {done.stdout.splitlines()[-1:]}")
        return self.place / name / "model"
