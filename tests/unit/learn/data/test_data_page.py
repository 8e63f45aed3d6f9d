"""``docs/data.md`` against the code: its example is valid, and every setting, rule and threshold is in it."""

import re
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel

from colonnade.learn.data.rule_settings import PRESETS
from colonnade.learn.data.settings import (
    DataSettings,
    DuplicateSettings,
    FillInMiddleSettings,
    GptFilesSettings,
    NormalSettings,
    QualitySettings,
    SplitSettings,
    TokenizerFileSettings,
    TrainedTokenizerSettings,
)
from colonnade.learn.data.source_settings import DatasetSource, JsonLinesSource, ParquetSource, TextSource

PAGE = (Path(__file__).parents[4] / "docs" / "data.md").read_text()
EVERY: tuple[type[BaseModel], ...] = (
    DataSettings, DuplicateSettings, FillInMiddleSettings, GptFilesSettings, NormalSettings, QualitySettings,
    SplitSettings, TokenizerFileSettings, TrainedTokenizerSettings, DatasetSource, JsonLinesSource,
    ParquetSource, TextSource,
)  # fmt: skip


def test_the_example_is_valid() -> None:
    example = re.search(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    assert example is not None
    said = DataSettings.model_validate(yaml.safe_load(example[1])["data"])
    assert [source.kind for source in said.sources] == ["text", "jsonl", "parquet", "dataset"]


def test_every_setting_is_named() -> None:
    for model in EVERY:
        for name, field in model.model_fields.items():
            assert re.search(rf"\b{name}\b", PAGE), f"{model.__name__}.{name}"
            assert field.description or name == "kind", f"{model.__name__}.{name}"


def test_the_thresholds_are_those_of_the_presets() -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in PAGE.splitlines()
        if line.startswith(("| `min_", "| `max_", "| `forbidden"))
    ]
    told = 0
    for names, *cells in rows:
        rules = re.findall(r"`(\w+)`", names)
        for preset, cell in zip(("gopher", "c4", "fineweb"), cells, strict=False):
            for rule, said in zip(rules, cell.split(", "), strict=False):
                told += _agrees(PRESETS[preset].get(rule), said, rule)
    assert told >= 30


def _agrees(threshold: Any, said: str, rule: str) -> bool:
    if rule == "min_characters":
        assert float(said) == QualitySettings().min_characters
    elif isinstance(threshold, dict):
        assert said == f"{min(threshold)} to {max(threshold)} words"
    elif isinstance(threshold, tuple):
        assert said == f"`{threshold[0]}`"
    else:
        assert (float(said) if said else None) == threshold, rule
    return bool(said)
