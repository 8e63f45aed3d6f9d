"""Policies and decisions through the public door: the SDK, the command, the real ethics service behind them.

On a route that no other test looks at, which has what it had when a test ends."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from colonnade.client import AsyncColonnade, Colonnade
from colonnade.errors import Conflict, InvalidArgument
from tests.harness.platform import Platform, eventually

ROUTE, PATH = "/v2/models/{model}/generate", "/v2/models/tiny/generate"
CARD = "My number is 4111 1111 1111 1111, thank you."
STRICT = """name: e2e-strict
rules:
  - {id: none, scorer: card, sides: [input], action: refuse, reason: No cards.}
tests:
  - {text: "4111 1111 1111 1111", side: input, expect: {action: refuse, rule: none}}
"""
FAILING = STRICT.replace("expect: {action: refuse, rule: none}", "expect: {action: allow}")


@pytest.fixture
def client(platform: Platform) -> Iterator[Colonnade]:
    with Colonnade(platform.url) as made:
        yield made
        while any(each.route == ROUTE and each.policy for each in made.screening.assignments()):
            made.screening.take_back(ROUTE)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "strict.yaml"
    path.write_text(STRICT, "utf-8")
    return path


def asked(platform: Platform, request_id: str) -> int:
    body = {"text_input": CARD, "parameters": {"max_tokens": 2}}
    with platform.client(**{"x-request-id": request_id}) as http:
        return http.post(PATH, json=body).status_code


async def test_a_policy_is_put_to_use_and_its_decisions_are_on_record(
    platform: Platform, client: Colonnade
) -> None:
    screening = client.screening
    assert asked(platform, "screened-before") == 200
    made = screening.put("e2e-strict", STRICT)
    assert screening.policy("e2e-strict").yaml == STRICT
    assert not screening.put("e2e-strict", "# the same\n" + STRICT).is_new
    held = screening.assign(ROUTE, "e2e-strict", why="cards are not for us", idempotency_key="e2e-strict-1")
    assert held.policy is not None
    assert (held.policy.version, held.why) == (made.version, "cards are not for us")
    assert held == screening.assign(
        ROUTE, "e2e-strict", why="cards are not for us", idempotency_key="e2e-strict-1"
    )
    assert asked(platform, "screened-after") == 400
    kept = eventually(lambda: screening.decisions(request_id="screened-after"), 10, "it is on record")
    assert (kept[0].rule, kept[0].action, kept[0].route) == ("none", "refuse", ROUTE)
    assert "4111" not in str(kept)
    assert any(each.key == "none" for each in screening.summary("rule", route=ROUTE))
    with pytest.raises(Conflict, match="revision"):
        screening.take_back(ROUTE, expected_revision=held.revision + 1)
    assert screening.take_back(ROUTE).policy is None
    assert asked(platform, "screened-again") == 200
    async with AsyncColonnade(platform.url) as other:
        names = {each.name for each in await other.screening.policies()}
        assert {"default", "e2e-strict"} <= names
        assert len(await other.screening.decisions(request_id="screened-after", limit=1)) == 1


def test_the_command_does_the_same(platform: Platform, client: Colonnade, file: Path) -> None:
    version = platform.command("policy", "put", str(file)).stdout.strip()
    used = platform.command("policy", "use", "e2e-strict", "--route", ROUTE).stderr
    assert f"e2e-strict {version[:19]} holds" in used
    assert "holds everywhere" in platform.command("policy", "back", "--route", ROUTE).stderr
    file.write_text(FAILING, "utf-8")
    failed = platform.command("policy", "test", str(file), check=False)
    assert (failed.returncode, "FAILED" in failed.stdout) == (1, True)


def test_policies_are_tried_before_they_hold(client: Colonnade) -> None:
    with pytest.raises(InvalidArgument, match="there is no scorer cart") as refused:
        client.screening.test(STRICT.replace("card,", "cart,"))
    assert refused.value.details["field"] == "rules.0.scorer"
    assert client.screening.dry_run(STRICT).screened == 0
    client.screening.assign(ROUTE, "default", shadow=True)
    held = next(each for each in client.screening.assignments() if each.route == ROUTE)
    assert held.shadow is not None
    assert client.screening.assign(ROUTE, "default", shadow=True, share=0).shadow is None
