"""The text that is learnt from while speed is measured: the project's own pages, in SmolLM2's tokens."""

import shutil
from pathlib import Path
from typing import Any

from colonnade.learn.data.prepare import prepare
from colonnade.learn.data.settings import DataSettings
from evidence.performance import model
from evidence.performance.engines.process import ROOT

DATA: dict[str, Any] = {
    "sources": [{"kind": "text", "name": "pages", "paths": [str(ROOT / "docs" / "*.md")]}],
    "tokenizer": {"kind": "file", "path": str(model.FOLDER / "smollm2" / "tokenizer.json")},
    "duplicates": {"kind": "exact"},
}


def token_set() -> Path:
    """Prepared now: the pages may have changed since."""
    tokenizer, folder = Path(DATA["tokenizer"]["path"]), model.FOLDER / "pages"
    tokenizer.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(model.folder() / "tokenizer.json", tokenizer)
    shutil.rmtree(folder, ignore_errors=True)
    prepare(DataSettings.model_validate(DATA), folder)
    return folder
