"""What a version came from, as edges and as facts: its run, its data, its code, its parents."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from colonnade.training.domain import Job, ModelVersion
from colonnade.training.publishing.ports import Edge, Node

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_DATA = {"token_set": "token set", "examples": "examples"}
_FACTS_BYTES = 400
_LONGEST_FACT = 80


def edges_of(job: Job, version: ModelVersion, result: Mapping[str, Any]) -> Sequence[Edge]:
    made, run = Node("version", version.digest), Node("run", job.id, job.asked.name, run_facts(job, result))
    edges = [Edge(made, "produced_by", run)]
    for node in _data(job, result):
        edges += [Edge(made, "trained_on", node), Edge(run, "trained_on", node)]
    if commit := commit_of(result):
        edges += [Edge(each, "built_from", Node("commit", commit)) for each in (made, run)]
    for parent in {each.digest: each for each in job.brought.values()}.values():
        node = Node("version", parent.digest)
        edges.append(Edge(run, "derived_from", node))
        if parent.digest != version.digest:  # nothing was learnt, and the content is the same
            edges.append(Edge(made, "derived_from", node))
    return edges


def run_facts(job: Job, result: Mapping[str, Any]) -> Mapping[str, str]:
    """As many as there is room for, the most telling first."""
    said = {
        "recipe": str(result.get("recipe_digest") or ""),
        "submitted_by": job.by,
        "steps": str(job.step) if job.asked.total_steps else "",
        "code": code_of(result),
        "retry_of": job.retry_of,
        "recipe_text": job.asked.recipe_digest,
    }
    facts: dict[str, str] = {}
    for name, value in said.items():
        grown = facts | {name: value[:_LONGEST_FACT]}
        if value and len(json.dumps(grown, ensure_ascii=False).encode()) <= _FACTS_BYTES:
            facts = grown
    return facts


def dataset_of(result: Mapping[str, Any]) -> str:
    """The digest of what it learnt from; empty where none is known."""
    return next((str(result[name]) for name in _DATA if _is_digest(result.get(name))), "")


def code_of(result: Mapping[str, Any]) -> str:
    """The release of the code that the run was made with, as it said."""
    return str(_code(result).get("version") or "")


def commit_of(result: Mapping[str, Any]) -> str:
    found = _code(result).get("commit")
    return found if isinstance(found, str) and _COMMIT.fullmatch(found) else ""


def _code(result: Mapping[str, Any]) -> Mapping[str, Any]:
    found = result.get("code")
    return found if isinstance(found, Mapping) else {}


def _data(job: Job, result: Mapping[str, Any]) -> Iterator[Node]:
    for name, kind in _DATA.items():
        if _is_digest(result.get(name)):
            yield Node("dataset", str(result[name]), f"{job.asked.name}: {kind}", {"kind": kind})


def _is_digest(value: object) -> bool:
    return isinstance(value, str) and _DIGEST.fullmatch(value) is not None
