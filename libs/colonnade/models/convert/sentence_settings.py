"""What sentence-transformers writes beside a model: the steps from tokens to a vector, and their settings.

Steps that would change a vector and are not known here are refused, never left out.
"""

from typing import Any

from colonnade.errors import InvalidArgument, Unsupported
from colonnade.models.convert.model_folder import ModelFolder
from colonnade.security.inputs import check_file_name

MODULES = "modules.json"
_SETTINGS = "sentence_bert_config.json"
_PROMPTS = "config_sentence_transformers.json"
_STEPS = ("Transformer", "Pooling", "Normalize")
_POOLINGS = {
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_cls_token": "cls",
    "pooling_mode_lasttoken": "last",
}
_LONGEST = "max_seq_length"


def read_settings(folder: ModelFolder) -> dict[str, Any]:
    """``pooling`` and, where it is stated, ``max_tokens``; empty for a folder that sentence-transformers has
    not written. Whether a step normalises does not matter: vectors always leave the engine with length 1."""
    if not folder.has(MODULES):
        return {}
    steps = _steps(folder)
    _refuse_prompt(folder)
    return {"pooling": _pooling(folder, steps["Pooling"])} | _longest(folder)


def _steps(folder: ModelFolder) -> dict[str, str]:
    """Each step's folder, by the last part of its class's name."""
    entries = folder.listing(MODULES)
    found: dict[str, str] = {}
    for entry in entries:
        kind, path = entry.get("type"), entry.get("path")
        if not isinstance(kind, str) or not isinstance(path, str):
            raise InvalidArgument(f"{MODULES}: each step must have a type and a path", field=MODULES)
        found[kind.rpartition(".")[2]] = path
    unknown = [kind for kind in found if kind not in _STEPS]
    if unknown or list(found)[:2] != ["Transformer", "Pooling"] or len(found) != len(entries):
        raise Unsupported(
            f"{MODULES}: the steps {', '.join(found)[:200]} are not supported; supported are "
            f"{', '.join(_STEPS)}",
            field=MODULES,
            supported=list(_STEPS),
        )
    if found["Transformer"]:
        raise Unsupported(f"{MODULES}: the model must lie in the folder itself", field=MODULES)
    return found


def _pooling(folder: ModelFolder, path: str) -> str:
    name = f"{check_file_name(path, MODULES)}/config.json"
    raw = folder.config(name)
    asked = [key for key, value in raw.items() if key.startswith("pooling_mode_") and value is True]
    if isinstance(raw.get("pooling_mode"), str):  # as newer versions write it
        asked = [key for key, value in _POOLINGS.items() if value == raw["pooling_mode"]]
    if len(asked) != 1 or asked[0] not in _POOLINGS:
        raise Unsupported(
            f"{name}: one of {', '.join(_POOLINGS)} must be true and no other way of pooling", field=name
        )
    return _POOLINGS[asked[0]]


def _longest(folder: ModelFolder) -> dict[str, int]:
    raw = folder.config(_SETTINGS) if folder.has(_SETTINGS) else {}
    if raw.get("do_lower_case"):
        raise Unsupported(
            f"{_SETTINGS}: do_lower_case is not supported here; state it in the tokenizer",
            field="do_lower_case",
        )
    longest = raw.get(_LONGEST)
    if longest is None:
        return {}
    if type(longest) is not int or longest < 1:
        raise InvalidArgument(f"{_SETTINGS}: {_LONGEST} must be an integer of at least 1", field=_LONGEST)
    return {"max_tokens": longest}


def _refuse_prompt(folder: ModelFolder) -> None:
    raw = folder.document(_PROMPTS) if folder.has(_PROMPTS) else {}
    if raw.get("default_prompt_name") is not None:
        raise Unsupported(
            f"{_PROMPTS}: a prompt before every text is not supported; put it into the texts",
            field="default_prompt_name",
        )
