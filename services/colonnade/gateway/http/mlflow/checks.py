"""Checks of what MLflow's clients send, in the domain's words."""

import re
from collections.abc import Mapping, Sequence

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.limits import Range
from colonnade.gateway.domain.mlflow import MODEL_ID, RUN_ID, RUN_LINK, Asked, VersionOrder
from colonnade.gateway.http.mlflow.bodies import CreateVersionBody, TagIn
from colonnade.security.inputs import check_count, check_text, model_name
from colonnade.security.inputs.catalogue import MAX_DESCRIPTION_BYTES, MAX_TAG_BYTES, MAX_TAGS

MOST_MODELS, MOST_VERSIONS = 1000, 200_000
"""As MLflow's own server has them."""
_MOST_ORDERS = 4
_TOKEN_BYTES = 1024
_KEY = re.compile(r"[A-Za-z0-9_.:/ -]{1,128}")
"""Checked before a version is made, and by the catalogue that keeps it."""


def description(text: str) -> str:
    return check_text(text, "description", MAX_DESCRIPTION_BYTES, allow_empty=True, controls="text")


def tags(given: Sequence[TagIn] | None) -> dict[str, str]:
    check_count(len(given or ()), MAX_TAGS, "tags")
    return {_key(tag.key): _value(tag.value) for tag in given or ()}


def asked(filter_: str, order_by: Sequence[str], most: int, page_token: str, limit: int) -> Asked:
    Range(1, limit).check("max_results", most)
    check_count(len(order_by), _MOST_ORDERS, "order_by")
    token = check_text(page_token, "page_token", _TOKEN_BYTES, allow_empty=True, controls="line")
    return Asked(filter_, tuple(order_by), most, token)


def version_order(body: CreateVersionBody) -> VersionOrder:
    said: Mapping[str, str] = {RUN_ID: body.run_id, RUN_LINK: body.run_link, MODEL_ID: body.model_id}
    fields = {key: _value(value) for key, value in said.items() if value}
    return VersionOrder(
        model_name(body.name), body.source, description(body.description), tags(body.tags) | fields
    )


def _key(key: str) -> str:
    if not _KEY.fullmatch(key):
        raise InvalidArgument(
            "the key of a tag must be 1 to 128 letters, digits, spaces or _ . : / -",
            field="tags.key",
            limit=128,
        )
    return key


def _value(value: str) -> str:
    return check_text(value, "tags.value", MAX_TAG_BYTES, allow_empty=True, controls="text")
