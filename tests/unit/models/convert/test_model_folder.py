"""Files of a model folder, wherever it is named from."""

from pathlib import Path

import pytest

from colonnade.errors import InvalidArgument, NotFound
from colonnade.models.convert.model_folder import ModelFolder


@pytest.mark.parametrize("named", ["model", "./model", "../models/model"])
def test_a_folder_may_be_named_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    (tmp_path / "models" / "model").mkdir(parents=True)
    (tmp_path / "models" / "model" / "config.json").write_text('{"a": 1}')
    monkeypatch.chdir(tmp_path / "models")
    folder = ModelFolder(Path(named))
    assert folder.file("config.json") == (tmp_path / "models/model/config.json").resolve()
    assert folder.config("config.json") == {"a": 1}


def test_nothing_outside_is_read(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "secret").write_text("x")
    (tmp_path / "model" / "link.json").symlink_to(tmp_path / "secret")
    folder = ModelFolder(tmp_path / "model")
    for name in ("link.json", "../secret"):
        with pytest.raises(InvalidArgument):
            folder.file(name)
    with pytest.raises(NotFound):
        folder.file("config.json")
