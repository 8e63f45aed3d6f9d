"""A million versions, as SQL makes them within PostgreSQL: what a registry would hold, without its files."""

import hashlib

VERSIONS = 1_000_000
MODELS = 10_000
TEAMS = 50
_EACH = VERSIONS // MODELS
_AT = "1893456000000000 + n::bigint * 1000000"
_MODEL = f"'model-' || lpad((n % {MODELS})::text, 6, '0')"
_NUMBER = f"1 + n / {MODELS}"
_DIGEST = "'sha256:' || md5(n::text) || md5('x' || n::text)"


def model(number: int) -> str:
    return f"model-{number:06d}"


def digest(number: int) -> str:
    """Of the version of that number, counted from 0."""
    halves = (str(number), f"x{number}")
    return "sha256:" + "".join(hashlib.md5(each.encode()).hexdigest() for each in halves)  # noqa: S324


def _over(count: int, table: str, columns: str, values: str) -> str:
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM generate_series(0, {count - 1}) AS n"  # noqa: S608


STATEMENTS = (
    "SET synchronous_commit = off",
    _over(
        MODELS,
        "models",
        "name, description, created_at, tenant, updated_at, latest",
        f"{_MODEL}, '', {_AT}, 'tenant-' || n % 20, {_AT}, {_EACH}",
    ),
    _over(
        VERSIONS,
        "contents",
        "digest, family, parameters, size_label, context_length, base",
        f"{_DIGEST}, 'transformer', 1000000 + n, (ARRAY['1B','7B','30B','70B'])[1 + n % 4], 4096, ''",
    ),
    _over(
        VERSIONS,
        "artefacts",
        "content, path, digest, size_bytes",
        f"{_DIGEST}, 'model.safetensors', 'sha256:' || md5('f' || n) || md5('g' || n), 1000",
    ),
    _over(
        VERSIONS,
        "versions",
        "model, number, content, created_at, created_by, source, source_digest, updated_at",
        f"{_MODEL}, {_NUMBER}, {_DIGEST}, {_AT}, 'tenant-1/ann', '/models/x', '', {_AT}",
    ),
    _over(
        VERSIONS,
        "version_tags",
        "model, version, key, value, head",
        f"{_MODEL}, {_NUMBER}, 'team', 'team-' || n % {TEAMS}, 'team-' || n % {TEAMS}",
    ),
    _over(
        VERSIONS,
        "version_tags",
        "model, version, key, value, head",
        f"{_MODEL}, {_NUMBER}, 'run', 'run-' || n, 'run-' || n",
    ),
    _over(
        VERSIONS,
        "metrics",
        "model, version, key, step, dataset, value, at, last",
        f"{_MODEL}, {_NUMBER}, 'loss', 1, '', n / {VERSIONS}::float8, {_AT}, 1",
    ),
    _over(
        MODELS * 2,
        "aliases",
        "model, name, revision, moved, updated_at, updated_by",
        f"{_MODEL}, CASE WHEN n < {MODELS} THEN 'production' ELSE 'canary' END, 1, n + 1, {_AT}, 'a/b'",
    ),
    _over(
        MODELS * 2,
        "targets",
        "model, alias, version, weight",
        f"{_MODEL}, CASE WHEN n < {MODELS} THEN 'production' ELSE 'canary' END, 1 + n % {_EACH}, 100",
    ),
    "ANALYZE",
)
