"""docs/api.md against the code: nothing that can be sent or called is missing from it."""

from pathlib import Path

import pytest

from colonnade.errors import HTTP_STATUS
from colonnade.gateway.domain.limits import MAX_SCORED, MAX_TEXTS, RANGES
from colonnade.gateway.http.wire_answers import GenerateAnswer
from colonnade.gateway.http.wire_generate import GenerateBody
from colonnade.gateway.http.wire_keys import KeyBody
from colonnade.gateway.http.wire_models import ImportBody
from colonnade.gateway.http.wire_texts import EmbedAnswer, EmbedBody, ScoreBody, ScoreOut
from colonnade.gateway.http.wire_tokens import DetokenizeBody, TokenizeAnswer, TokenizeBody
from colonnade.security.access.gateway import ROUTES

TEXT, MLFLOW = ((Path(__file__).parents[3] / "docs" / page).read_text() for page in ("api.md", "mlflow.md"))
FIELDS = {
    *GenerateBody.model_fields,
    *GenerateAnswer.model_fields,
    *EmbedBody.model_fields,
    *EmbedAnswer.model_fields,
    *ScoreBody.model_fields,
    *ScoreOut.model_fields,
    *TokenizeBody.model_fields,
    *TokenizeAnswer.model_fields,
    *DetokenizeBody.model_fields,
    *KeyBody.model_fields,
    *ImportBody.model_fields,
}


@pytest.mark.parametrize("name", sorted(FIELDS))
def test_fields(name: str) -> None:
    assert f"`{name}`" in TEXT or f'"{name}"' in TEXT


@pytest.mark.parametrize("route", sorted(ROUTES))
def test_routes(route: str) -> None:
    path = route.split(" ")[1]
    assert path in (MLFLOW if path.startswith("/mlflow/") else TEXT)


@pytest.mark.parametrize("code", sorted(set(HTTP_STATUS) - {"cancelled"}))
def test_codes(code: str) -> None:
    assert f"`{code}`" in TEXT


def test_how_many_texts() -> None:
    for field, limit in (("input", MAX_TEXTS), ("text", MAX_SCORED)):
        assert str(limit) in next(line for line in TEXT.splitlines() if line.startswith(f"| `{field}`"))


@pytest.mark.parametrize("name", sorted(set(RANGES) - {"top_p", "seed"}))
def test_upper_limits(name: str) -> None:
    row = next(line for line in TEXT.splitlines() if line.startswith(f"| `{name}`"))
    assert f"{RANGES[name].high:.19g}" in row
