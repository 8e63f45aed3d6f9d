"""What ``colonnade doctor`` says of seals."""

from pathlib import Path

from colonnade.cli.checks import Level
from colonnade.cli.checks.seals import SETTING, look
from colonnade.security.seals import SigningKey, publish
from colonnade.supervise.home import Home


def test_before_the_first_start(tmp_path: Path) -> None:
    (found,) = look(Home(tmp_path), {})
    assert (found.level, "first start" in found.message) == (Level.OK, True)


def test_keys_are_counted_and_what_is_unchecked_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path)
    for _ in range(2):
        publish(SigningKey.generate(), home.trusted_keys)
    (found,) = look(home, {})
    assert found.level is Level.OK
    assert "2 keys" in found.message
    assert "digests only" in found.message
    (found,) = look(home, {SETTING: str(next(home.trusted_keys.iterdir()))})
    assert "1 key" in found.message
    assert "digests only" not in found.message


def test_no_key_that_could_be_trusted_is_a_warning(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.trusted_keys.mkdir()
    (home.trusted_keys / "broken.pem").write_text("x")
    (found,) = look(home, {})
    assert found.level is Level.WARN
    (found,) = look(home, {SETTING: str(tmp_path / "nowhere")})
    assert found.level is Level.WARN
