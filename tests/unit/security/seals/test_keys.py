"""Keys: made once, for one reader; read where they are named; trusted where they can be read."""

import stat
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from colonnade.errors import InvalidArgument
from colonnade.security.seals import SigningKey, Trusted, open_signing_key, publish


def test_a_key_is_made_once_and_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "key.pem"
    first, second = open_signing_key(path), open_signing_key(path)
    assert first.id == second.id
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["key.pem"]
    assert "PRIVATE" not in repr(first)


def test_an_encrypted_key_needs_its_password(tmp_path: Path) -> None:
    private = ec.generate_private_key(ec.SECP384R1())
    encryption = BestAvailableEncryption(b"secret")
    path = tmp_path / "key.pem"
    path.write_bytes(private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    link = tmp_path / "link.pem"
    link.symlink_to(path)  # as secrets are mounted in a pod
    assert SigningKey.read(link, "secret").public == SigningKey.read(path, "secret").public
    for wrong in ("", "other"):
        with pytest.raises(InvalidArgument, match="password"):
            SigningKey.read(path, wrong)


def test_other_kinds_of_keys_and_what_is_none_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    with pytest.raises(InvalidArgument, match="THE_SETTING"):
        SigningKey.read(path, setting="THE_SETTING")
    path.write_text("x")
    with pytest.raises(InvalidArgument):
        SigningKey.read(path)
    other = ed25519.Ed25519PrivateKey.generate()
    path.write_bytes(other.private_bytes_raw())
    with pytest.raises(InvalidArgument):
        SigningKey.read(path)
    curve = SigningKey(ec.generate_private_key(ec.SECP256K1()))
    path.write_bytes(curve.private_pem())
    with pytest.raises(InvalidArgument, match="P-256"):
        SigningKey.read(path)


def test_trusted_are_the_keys_that_can_be_read(tmp_path: Path) -> None:
    folder, first, second = tmp_path / "keys", SigningKey.generate(), SigningKey.generate()
    published = publish(first, folder)
    (folder / "broken.pem").write_text("x")
    alone = tmp_path / "alone.pub"
    alone.write_text(second.public)
    trusted = Trusted.parse(f"{folder}:{alone}:{tmp_path / 'nowhere'}")
    assert trusted is not None
    assert set(trusted.keys()) == {first.id, second.id}
    published.unlink()
    assert set(trusted.keys()) == {second.id}
    assert Trusted.parse("") is None
