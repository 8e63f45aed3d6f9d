"""Reads policies: the one that comes with the platform, and YAML files in a folder of the operator's."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import ValidationError

from colonnade.errors import ColonnadeError, InvalidArgument
from colonnade.ethics.domain.policy import Policy
from colonnade.ethics.policies.document import Document

_MOST_CHARACTERS = 256 * 1024


@cache
def default_policy() -> Policy:
    return policy_of(resources.files(__package__).joinpath("default.yaml").read_text(encoding="utf-8"))


def policies_in(folder: Path | None) -> Mapping[str, Policy]:
    """By name: the default one, and each ``<name>.yaml`` of the folder, which may replace it.

    Raises ``InvalidArgument`` naming the file and the field."""
    found = {"default": default_policy()}
    for path in sorted(folder.glob("*.yaml")) if folder else ():
        try:
            policy = policy_of(path.read_text(encoding="utf-8"))
        except UnicodeDecodeError:
            raise InvalidArgument(f"{path.name}: it is not UTF-8; save it as UTF-8", field="policy") from None
        except ColonnadeError as error:
            raise InvalidArgument(f"{path.name}: {error.message}", **error.details) from None
        if policy.name != path.stem:
            raise InvalidArgument(
                f"{path.name}: name: it is called {policy.name}; call the file {policy.name}.yaml",
                field="name",
            )
        found[policy.name] = policy
    return found


def policy_of(text: str) -> Policy:
    """Reads a policy's YAML; raises ``InvalidArgument`` naming the field and what to do."""
    if len(text) > _MOST_CHARACTERS:
        raise InvalidArgument(
            f"it may have {_MOST_CHARACTERS} characters at most", field="policy", limit=_MOST_CHARACTERS
        )
    try:
        written = Document.model_validate(yaml.safe_load(text))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f", line {mark.line + 1}" if mark else ""
        raise InvalidArgument(f"it is not YAML{place}: {error.problem}", field="policy") from None
    except (yaml.YAMLError, RecursionError):
        raise InvalidArgument("it is not YAML", field="policy") from None
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"])) or "policy"
        told = first["msg"].removeprefix("Value error, ")
        raise InvalidArgument(f"{field}: {told}", field=field) from None
    return written.policy(_version(written), text)


def _version(written: Document) -> str:
    """Of what it means: two that decide alike, written differently, are one version."""
    meaning = written.model_dump(mode="json", exclude={"description", "tests"})
    for rule in meaning["rules"]:
        rule["categories"], rule["sides"] = sorted(set(rule["categories"])), sorted(set(rule["sides"]))
    content = json.dumps(meaning, sort_keys=True, ensure_ascii=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(content.encode()).hexdigest()}"
