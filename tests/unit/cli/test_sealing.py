"""``colonnade models seals`` and ``colonnade models sign``."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from colonnade.security.seals import Sealed, SigningKey, Trusted, check, signed
from tests.unit.cli.stub import Answer, Stub

Run = Callable[..., Any]
SEAL = {
    "version": 1,
    "key": "ab" * 32,
    "current": True,
    "sealed_at": "2030-01-02T03:04:05Z",
    "sealed_by": "local/eve",
}
NONE = {"version": 2, "key": "", "current": False, "sealed_at": None, "sealed_by": ""}
LISTED = {"seals": [NONE, SEAL], "key": "ab" * 32, "public_key": "PEM"}


def test_seals_are_listed(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models/tiny/seals"] = Answer(body=LISTED)
    done = colonnade("models", "seals", "tiny")
    assert done.status == 0
    assert "not signed" in done.out
    assert "abababababababab (now)" in done.out
    assert (
        json.loads(colonnade("models", "seals", "tiny", "--json").out)["seals"][1]["sealed_by"] == "local/eve"
    )


def test_one_version_is_signed_or_all(stub: Stub, colonnade: Run) -> None:
    stub.routes["GET", "/models/tiny/seals"] = Answer(body=LISTED)
    for number in (1, 2):
        stub.routes["POST", f"/models/tiny/versions/{number}/seal"] = Answer(body=SEAL | {"version": number})
    done = colonnade("models", "sign", "tiny:2")
    assert (done.status, done.err) == (0, "Signed tiny:2 with abababababababab.\n")
    done = colonnade("models", "sign", "tiny")
    assert done.err.splitlines() == [f"Signed tiny:{number} with abababababababab." for number in (1, 2)]


def test_what_is_no_version_is_refused(stub: Stub, colonnade: Run) -> None:
    assert colonnade("models", "sign", "tiny@production").status != 0


def test_a_version_is_written_for_others_to_check(stub: Stub, colonnade: Run, tmp_path: Path) -> None:
    key, files = SigningKey.generate(), {"a.json": b"{}", "b/c.json": b"[]"}
    artefacts = []
    for path, content in files.items():
        stub.routes["GET", f"/models/tiny/versions/1/files/{path}"] = Answer(body=json.loads(content))
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        artefacts.append({"path": path, "digest": digest, "size_bytes": len(content)})
    listed = {str(each["path"]): str(each["digest"]) for each in artefacts}
    sealed = Sealed("tiny", 1, "local", f"sha256:{'1' * 64}", "transformer", 9, "1K", 8, "", listed)
    detail = {"seal": SEAL, "bundle": signed(sealed, key), "statement": sealed.statement}
    version = {"name": "tiny", "version": 1, "digest": sealed.digest, "family": "transformer",
               "size_label": "1K", "context_length": 8, "parameters": 9, "artefacts": artefacts}  # fmt: skip
    stub.routes["GET", "/models/tiny"] = Answer(body={"name": "tiny", "versions": [version]})
    stub.routes["GET", "/models/tiny/seals"] = Answer(body=LISTED | {"public_key": key.public})
    stub.routes["GET", "/models/tiny/versions/1/seal"] = Answer(body=detail)
    out = tmp_path / "out"
    done = colonnade("models", "seals", "tiny:1", "--out", str(out))
    assert done.status == 0, done.err
    written = {str(each.relative_to(out)) for each in out.rglob("*") if each.is_file()}
    assert written == {*files, "colonnade-seal.json", "model.sig"}
    keys = Trusted((tmp_path / "out.colonnade.pub",)).keys()
    assert check((out / "model.sig").read_text(), sealed, keys) == key.id
    assert "is there already" in colonnade("models", "seals", "tiny:1", "--out", str(out)).err
    stub.routes["GET", "/models/tiny/versions/1/seal"] = Answer(body=detail | {"bundle": ""})
    assert "no seal" in colonnade("models", "seals", "tiny:1", "--out", str(tmp_path / "x")).err
