"""The reference as one HTML page, rendered from the OpenAPI document: no scripts, and no other site."""

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

from colonnade.gateway.http.described import EVENT_STREAM
from colonnade.storage.bundled import DEFAULT, PREFIX

_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1 small { font-weight: normal; opacity: .6; }
h2 { margin-top: 2.5rem; border-bottom: 1px solid var(--line); }
code, pre { font: 14px/1.5 ui-monospace, monospace; }
pre { background: var(--soft); padding: .75rem; overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; }
tr { border-bottom: 1px solid var(--line); } .verb { font-weight: bold; } .required { opacity: .7; }
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; frame-ancestors 'none'"

_EXAMPLES = {
    "post /generate": {"prompt": "The capital of France is", "max_tokens": 16},
    "post /models/import": {
        "source": PREFIX + DEFAULT,
        "name": "smollm2",
        "alias": "production",
    },
    "put /models/{name}/aliases/{alias}": {"targets": [{"version": 1, "weight": 100}]},
    "post /training/jobs": {"recipe": "name: shakespeare\nsteps: 400\n..."},
    "post /keys": {"roles": ["admin"], "name": "me"},
    "post /keys/{id}/rotate": {"grace_seconds": 3600},
}
_ERRORS = """<h2 id="errors">Errors</h2>
<p>Every refusal has this shape; <code>details</code> names the field and the limit.</p>
<pre>{"error": {"code": "invalid_argument", "message": "temperature must be between 0 and 2",
           "details": {"field": "temperature", "limit": 2}, "request_id": "..."}}</pre>
<p>Below <code>/v1</code> it is OpenAI's, below <code>/v2</code> that of the Open Inference Protocol:</p>
<pre>{"error": {"message": "temperature must be between 0 and 2", "type": "invalid_request_error",
           "param": "temperature", "code": "invalid_argument"}}
{"error": "temperature must be between 0 and 2"}</pre>
<p>A stream that has begun ends with it: as the event <code>error</code>, below <code>/v2</code> as an event
without a name, and of <code>/v1/responses</code> as <code>response.failed</code>.</p>"""
_Document = Mapping[str, Any]


def page(document: _Document) -> str:
    """The whole page."""
    info = document["info"]
    title = f"{escape(info['title'])} <small>{escape(info['version'])}</small>"
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        f"<title>{escape(info['title'])}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{title}</h1><p>{_prose(info['description'])} ",
        "For programs: <a href=/openapi.json>openapi.json</a>.</p>",
    ]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.extend(_operation(document, method, path, operation))
    return "".join([*parts, _ERRORS, "</body></html>"])


def _operation(document: _Document, method: str, path: str, operation: _Document) -> Iterator[str]:
    yield f"<h2><span class=verb>{method.upper()}</span> <code>{escape(path)}</code></h2>"
    yield f"<p>{_prose(operation.get('description', ''))}</p>"
    yield from _parameters(operation.get("parameters", []))
    body = _json_schema(operation.get("requestBody", {}))
    if body:
        yield "<h3>Request</h3>"
        yield from _fields(document, body)
    yield f"<pre>{escape(_curl(method, path))}</pre>"
    for status, response in operation.get("responses", {}).items():
        if status.startswith("2"):
            yield from _answer(document, status, response)


def _answer(document: _Document, status: str, response: _Document) -> Iterator[str]:
    schema = _json_schema(response)
    if schema:
        yield f"<h3>Answer {escape(status)}</h3>"
        yield from _fields(document, schema)
    for kind, content in response.get("content", {}).items():
        if kind == EVENT_STREAM:
            yield f"<h3>Events {escape(status)}</h3>"
            yield from _events(document, content)
        elif kind != "application/json":
            yield f"<h3>Answer {escape(status)}</h3><p>As <code>{escape(kind)}</code>.</p>"


def _events(document: _Document, content: _Document) -> Iterator[str]:
    """The data of the first kind of event, by its own kinds where it has some; then how a stream looks."""
    data = content["itemSchema"]["anyOf"][0]["properties"]["data"]["contentSchema"]
    for one in data.get("oneOf", [data]):
        kinds = one["properties"].get("type", {}) if one is not data else {}
        names = kinds.get("enum", [kinds["const"]] if "const" in kinds else [])
        yield f"<p>{', '.join(f'<code>{escape(name)}</code>' for name in names)}</p>"
        yield from _fields(document, one)
    yield f"<pre>{escape(content['example'])}</pre>"


def _parameters(parameters: list[_Document]) -> Iterator[str]:
    if parameters:
        yield "<h3>Parameters</h3><table>"
        for each in parameters:
            about = f"in the {each['in']}. {each.get('description', '')}"
            yield _row(each["name"], each["schema"], about, each.get("required", False))
        yield "</table>"


def _fields(document: _Document, schema: _Document) -> Iterator[str]:
    """One row a field; objects inside objects follow, indented by their path."""
    yield "<table>"
    yield from _rows(document, _target(document, schema), "")
    yield "</table>"


def _rows(document: _Document, schema: _Document, prefix: str) -> Iterator[str]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        yield _row(prefix + name, field, field.get("description", ""), name in required)
        inner = next((found for found in _objects(document, field)), None)
        if inner is not None:
            many = "[]" if "items" in json.dumps(field) else ""
            yield from _rows(document, inner, f"{prefix}{name}{many}.")


def _row(name: str, schema: _Document, about: str, required: bool) -> str:
    kind = _kind(schema) + (" <span class=required>required</span>" if required else "")
    return f"<tr><td><code>{escape(name)}</code></td><td>{kind}</td><td>{_prose(about)}</td></tr>"


def _kind(schema: _Document) -> str:
    choices = [choice for choice in schema.get("anyOf", [schema]) if choice.get("type") != "null"]
    names = " or ".join(_one_kind(choice) for choice in choices) or "null"
    if "minimum" in schema:
        names += (
            f", {_exact(schema['minimum'])} to {_exact(schema['maximum'])}" if "maximum" in schema else ""
        )
    return names


def _exact(bound: float) -> str:
    """FastAPI makes floats of all bounds."""
    return str(int(bound)) if bound == int(bound) else str(bound)


def _one_kind(schema: _Document) -> str:
    if "const" in schema:
        return escape(str(schema["const"]))
    if "enum" in schema:
        return ", ".join(escape(str(value)) for value in schema["enum"])
    if "anyOf" in schema:
        return " or ".join(_one_kind(choice) for choice in schema["anyOf"])
    if schema.get("type") == "array":
        return f"array of {_one_kind(schema.get('items', {}))}"
    return escape(str(schema.get("type", "object")))


def _objects(document: _Document, schema: _Document) -> Iterator[_Document]:
    """The object schemas that a field is or refers to, directly, as items or as a choice."""
    if "$ref" in schema:
        yield _target(document, schema)
    elif "properties" in schema:
        yield schema
    for inner in (schema.get("items", {}), *schema.get("anyOf", ()), *schema.get("oneOf", ())):
        if inner:
            yield from _objects(document, inner)


def _target(document: _Document, schema: _Document) -> _Document:
    reference = schema.get("$ref")
    if reference is None:
        return next(_objects(document, {"anyOf": schema.get("anyOf", ())}), schema)
    found: _Document = document["components"]["schemas"][reference.rpartition("/")[2]]
    return found


def _json_schema(content: _Document) -> _Document:
    schema: _Document = content.get("content", {}).get("application/json", {}).get("schema", {})
    return schema


def _curl(method: str, path: str) -> str:
    line = f"curl -X {method.upper()} http://127.0.0.1:8080{path} -H 'authorization: Bearer ck_...'"
    example = _EXAMPLES.get(f"{method} {path}")
    if example is None:
        return line.replace("-X GET ", "")
    return f"{line} \\\n  -H 'content-type: application/json' -d '{json.dumps(example)}'"


def _prose(text: str) -> str:
    """Text with `code` in it."""
    plain, *rest = escape(text).split("`")
    marked = [f"<code>{part}</code>" if index % 2 == 0 else part for index, part in enumerate(rest)]
    return plain + "".join(marked)
