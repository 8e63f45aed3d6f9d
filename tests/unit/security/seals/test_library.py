"""Seals are those of the OpenSSF Model Signing library: it verifies ours, and we verify its own."""

import hashlib
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from colonnade.security.seals import SIGNATURE, STATEMENT, Sealed, SigningKey, Untrusted, check, signed
from colonnade.security.seals.keys import read_public

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # of what it brings along
    import model_signing

FILES = {"model.safetensors": b"weights", "a/b.json": b"{}", "a-b.json": b"[]", "tokenizer.json": b"{}"}


class Folder:
    """A version's files with its statement, its seal and the key to check it with, as it is exported."""

    def __init__(self, root: Path) -> None:
        self.key = SigningKey.generate()
        self.model, self.public, self.private = root / "poet", root / "key.pub", root / "key.pem"
        for path, content in FILES.items():
            (self.model / path).parent.mkdir(parents=True, exist_ok=True)
            (self.model / path).write_bytes(content)
        digests = {path: f"sha256:{hashlib.sha256(data).hexdigest()}" for path, data in FILES.items()}
        self.sealed = Sealed("poet", 3, "acme", f"sha256:{'1' * 64}", "transformer", 9, "1B", 8, "", digests)
        (self.model / STATEMENT).write_text(self.sealed.statement)
        self.public.write_text(self.key.public)
        self.private.write_bytes(self.key.private_pem())

    @property
    def signature(self) -> Path:
        return self.model / SIGNATURE

    def verify(self) -> None:
        config = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=self.public)
        config.verify(self.model, self.signature)


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    made = Folder(tmp_path)
    made.signature.write_text(signed(made.sealed, made.key))
    return made


def test_the_library_verifies_our_seal(folder: Folder) -> None:
    folder.verify()


def test_its_command_does(folder: Folder) -> None:
    command = [sys.executable, "-W", "ignore", "-m", "model_signing", "verify", "key", str(folder.model)]
    command += ["--signature", str(folder.signature), "--public_key", str(folder.public)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    (folder.model / "tokenizer.json").write_text("other")
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode != 0


@pytest.mark.parametrize("path", [*FILES, STATEMENT])
def test_the_library_sees_that_a_file_was_changed(folder: Folder, path: str) -> None:
    (folder.model / path).write_bytes(b"other")
    with pytest.raises(ValueError, match="Hash mismatch"):
        folder.verify()


def test_the_library_sees_a_file_too_many_and_one_too_few(folder: Folder) -> None:
    (folder.model / "new.json").write_text("{}")
    with pytest.raises(ValueError, match="Extra files"):
        folder.verify()
    (folder.model / "new.json").unlink()
    (folder.model / "a-b.json").unlink()
    with pytest.raises(ValueError, match="Missing files"):
        folder.verify()


def test_we_verify_what_the_library_signs(folder: Folder) -> None:
    folder.signature.unlink()
    config = model_signing.signing.Config().use_elliptic_key_signer(private_key=folder.private)
    config.set_hashing_config(
        model_signing.hashing.Config().set_ignored_paths(paths=[], ignore_git_paths=False)
    ).sign(folder.model, folder.signature)
    keys = {folder.key.id: read_public(folder.public)}
    assert check(folder.signature.read_text(), folder.sealed, keys) == folder.key.id
    (folder.model / "a-b.json").write_text("other")
    config.sign(folder.model, folder.signature)
    with pytest.raises(Untrusted, match=r"a-b\.json"):
        check(folder.signature.read_text(), folder.sealed, keys)
