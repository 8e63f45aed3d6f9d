"""The guard at every door: paths, sizes, documents, configurations, texts and names that come from outside.

Pure checks that either return what they were given or raise a ``colonnade.errors`` class naming the field
and the limit. Standard library only, so that every part of the platform, the model converters included, can
use them.
"""

from colonnade.security.inputs.configs import sanitise_config
from colonnade.security.inputs.documents import (
    BODY,
    CONFIG,
    TOKENIZER,
    JsonLimits,
    guard_json,
    parse_json,
    parse_object,
    read_json,
)
from colonnade.security.inputs.injection import (
    check_argument,
    check_file_name,
    check_header_value,
    escape_like,
    escape_log,
)
from colonnade.security.inputs.names import (
    alias_name,
    digest,
    idempotency_key,
    model_name,
    model_reference,
    request_id,
    size_label,
    subject_name,
    tenant_name,
)
from colonnade.security.inputs.paths import confined, relative_artefact_path
from colonnade.security.inputs.sizes import check_count, check_size, open_regular, read_bounded
from colonnade.security.inputs.texts import check_text, decoded, encoded

__all__ = [
    "BODY",
    "CONFIG",
    "TOKENIZER",
    "JsonLimits",
    "alias_name",
    "check_argument",
    "check_count",
    "check_file_name",
    "check_header_value",
    "check_size",
    "check_text",
    "confined",
    "decoded",
    "digest",
    "encoded",
    "escape_like",
    "escape_log",
    "guard_json",
    "idempotency_key",
    "model_name",
    "model_reference",
    "open_regular",
    "parse_json",
    "parse_object",
    "read_bounded",
    "read_json",
    "relative_artefact_path",
    "request_id",
    "sanitise_config",
    "size_label",
    "subject_name",
    "tenant_name",
]
