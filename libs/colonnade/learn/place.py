"""The folder of a run: where everything of it lies, and which recipe it belongs to.

recipe.json        what was asked for, with every default filled in
data/              the token set, unless it lies elsewhere
checkpoints/       what the run goes on from
log.jsonl          everything that was told
tensorboard/       for TensorBoard
model/             the artefact folder: what ``colonnade models push`` takes
adapter/           of a run that tunes an adapter: what ``colonnade models import --base`` takes
result.json        how it ended, with what
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from colonnade.errors import Conflict
from colonnade.learn.differences import differences
from colonnade.learn.recipe import AnyRecipe
from colonnade.storage.disk import full_disk_named, sync_folder


@dataclass(frozen=True, slots=True)
class Place:
    folder: Path
    elsewhere: Path | None = None
    """The folder of a token set that several runs share."""

    @property
    def data(self) -> Path:
        return self.elsewhere or self.folder / "data"

    @property
    def checkpoints(self) -> Path:
        return self.folder / "checkpoints"

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    @property
    def model(self) -> Path:
        return self.folder / "model"

    @property
    def adapter(self) -> Path:
        return self.folder / "adapter"

    def take(self, recipe: AnyRecipe) -> None:
        """Makes the folder that of the recipe. Raises ``Conflict`` where it is another one's: a run that goes
        on must be the run that it was. What does not decide the weights may differ."""
        kept = self.folder / "recipe.json"
        said = recipe.model_dump(mode="json", by_alias=True)
        if kept.exists():
            before = json.loads(kept.read_text())
            if before["digest"] != recipe.digest:
                differ = "; ".join(differences(before["recipe"], said))
                raise Conflict(
                    f"the folder holds a run of another recipe ({differ}); name a new folder, or remove"
                    " this one",
                    field="out",
                )
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(kept, {"digest": recipe.digest, "recipe": said})

    def conclude(self, result: Mapping[str, Any]) -> None:
        self._write(self.folder / "result.json", result)

    def _write(self, path: Path, value: Mapping[str, Any]) -> None:
        """The whole file or none of it, also after a power cut."""
        draft = path.with_name(f".{path.name}.partial")
        with full_disk_named("the run folder's", "free some space"):
            with draft.open("w", encoding="utf-8") as file:
                file.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
                file.flush()
                os.fsync(file.fileno())
            draft.rename(path)
            sync_folder(path.parent)
