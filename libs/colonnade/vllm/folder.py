"""The folders that vLLM reads: links to verified files, in Hugging Face's layout.

A version's files are that layout already. The one thing added is which class reads ``tokenizer.json``, so
that it is taken as it is.
"""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

from colonnade.models.artefact import DESCRIPTION, TOKENIZER_CONFIG
from colonnade.models.convert.export import tokenizer_config
from colonnade.models.convert.write import staged


class Folders:
    """Below one folder, which is this process's alone: what is in it from before goes."""

    def __init__(self, root: Path) -> None:
        self._root = root
        shutil.rmtree(root, ignore_errors=True)

    def lay_out(self, name: str, files: Mapping[str, Path]) -> Path:
        """The folder of what has this digest; complete or not there."""
        folder = self._root / name.removeprefix("sha256:")
        with staged(folder) as made:
            for name, path in files.items():
                if name not in (DESCRIPTION, TOKENIZER_CONFIG):
                    (made / name).parent.mkdir(parents=True, exist_ok=True)
                    (made / name).symlink_to(path)
            if TOKENIZER_CONFIG in files:
                (made / TOKENIZER_CONFIG).write_text(json.dumps(tokenizer_config(files), indent=2) + "\n")
        return folder

    def remove(self, folder: Path) -> None:
        """What the links in it lead to stays."""
        shutil.rmtree(folder, ignore_errors=True)
