from collections.abc import Mapping
from pathlib import Path

import pytest
import torch

from colonnade.errors import ColonnadeError, InvalidArgument, Unsupported
from colonnade.models.artefact import DESCRIPTION, Description
from colonnade.models.families import catalog
from colonnade.models.families.transformer import save
from colonnade.models.protocol import LanguageModel
from tests.unit.models.running import randomised

DESCRIBED = Description(
    family="transformer", parameters=1, size_label="1K", context_length=128, dtype="float32", source={"a": 1}
)


@pytest.fixture(autouse=True)
def _own_registrations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "_registered", {})


def files(folder: Path) -> dict[str, Path]:
    return {path.name: path for path in folder.iterdir() if path.is_file()}


def test_loads_the_family_that_the_description_names(tmp_path: Path) -> None:
    model = randomised()
    save(model, tmp_path)
    DESCRIBED.write(tmp_path)
    loaded = catalog.load(files(tmp_path))
    tokens = torch.randint(0, 97, (1, 8))
    torch.testing.assert_close(loaded.forward_full(tokens), model.forward_full(tokens))  # type: ignore[attr-defined]


def test_files_may_lie_under_any_name(tmp_path: Path) -> None:
    save(randomised(), tmp_path)
    DESCRIBED.write(tmp_path)
    moved = {}
    for number, (name, path) in enumerate(files(tmp_path).items()):
        moved[name] = path.rename(tmp_path / f"{number:064x}")
    assert catalog.load(moved, dtype=torch.bfloat16).dtype == torch.bfloat16


def test_a_registered_family_is_found(tmp_path: Path) -> None:
    made = randomised()

    def loader(
        files: Mapping[str, Path], *, dtype: torch.dtype | None = None, device: torch.device | str = "cpu"
    ) -> LanguageModel:
        return made

    catalog.register("toy", loader)
    assert catalog.families() == ("encoder", "toy", "transformer")
    Description(family="toy", parameters=1, size_label="", context_length=1, dtype="float32").write(tmp_path)
    assert catalog.load(files(tmp_path)) is made


def test_an_unknown_family_is_refused_with_the_known_ones() -> None:
    with pytest.raises(Unsupported, match="'abacus' is unknown; known are encoder, transformer"):
        catalog.loader("abacus")


def test_a_description_comes_back_as_written(tmp_path: Path) -> None:
    DESCRIBED.write(tmp_path)
    assert Description.read(tmp_path / DESCRIPTION) == DESCRIBED


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": 2}',
        '{"format": 1, "family": 3}',
        '{"format": 1, "parameters": NaN}',
        "{" * 99,
    ],
)
def test_a_bad_description_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / DESCRIPTION).write_text(text)
    with pytest.raises(ColonnadeError, match=r"colonnade\.json"):
        catalog.load(files(tmp_path))


def test_a_version_without_description_is_refused() -> None:
    with pytest.raises(InvalidArgument, match="lacks the file"):
        catalog.load({})
