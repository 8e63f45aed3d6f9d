"""What is always true of models, versions, aliases and references."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from colonnade.errors import ColonnadeError, Conflict, InvalidArgument, NotFound, TooLarge
from colonnade.registry.domain import (
    Alias,
    Artefact,
    Content,
    Reference,
    Target,
    alias_for_import,
    check_targets,
    moved,
)
from tests.unit.registry.fakes import START, content, draft

DIGEST = f"sha256:{'ab' * 32}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("smollm2", Reference("smollm2", alias="production")),
        ("smollm2@canary", Reference("smollm2", alias="canary")),
        ("smollm2:3", Reference("smollm2", version=3)),
        ("a.b-c_1:2147483647", Reference("a.b-c_1", version=2_147_483_647)),
    ],
)
def test_references(text: str, expected: Reference) -> None:
    assert Reference.parse(text) == expected
    assert Reference.parse(str(expected)) == expected


@pytest.mark.parametrize(
    "text",
    ["", " ", "@", "name@", "name:", ":3", "@prod", "name:0", "name:-1", "name:03", "name:3.5", "name:x",
     "name@a@b", "name:1:2", "name@a:1", "name:1@a", "Name", "name@Prod", "na me", "../name", "name\n",
     "näme", "name:9999999999999999999", "x" * 129, f"x@{'y' * 65}", "name\0", "\ud800"],
)  # fmt: skip
def test_what_is_no_reference(text: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge)) as refusal:
        Reference.parse(text)
    assert refusal.value.details["field"] == "model"


@given(st.text())
def test_any_text_is_a_reference_or_a_refusal(text: str) -> None:
    try:
        reference = Reference.parse(text)
    except ColonnadeError:
        return
    assert Reference.parse(str(reference)) == reference


def test_a_digest_is_that_of_the_canonical_json() -> None:
    made = Content.of(
        family="transformer", parameters=1, size="1K", context_length=1,
        artefacts=[Artefact("b.json", DIGEST, 2), Artefact("a.json", DIGEST, 1)],
    )  # fmt: skip
    canonical = (
        f'{{"artefacts":[{{"digest":"{DIGEST}","path":"a.json","size_bytes":1}},'
        f'{{"digest":"{DIGEST}","path":"b.json","size_bytes":2}}],"family":"transformer"}}'
    )
    assert json.loads(canonical)["family"] == "transformer"
    assert made.digest == f"sha256:{hashlib.sha256(canonical.encode()).hexdigest()}"


@given(st.permutations(list(content(3, files=4).artefacts)))
def test_the_order_of_artefacts_does_not_matter(artefacts: list[Artefact]) -> None:
    again = Content.of(
        family="transformer", parameters=1003, size="135M", context_length=2048, artefacts=artefacts
    )
    assert again == content(3, files=4)
    assert again.digest == content(3, files=4).digest


@pytest.mark.parametrize("change", ["family", "path", "digest", "size", "more", "fewer"])
def test_different_content_has_a_different_digest(change: str) -> None:
    before = content(3)
    first, *rest = before.artefacts
    changed = {
        "path": [Artefact("other.json", first.digest, first.size_bytes), *rest],
        "digest": [Artefact(first.path, DIGEST, first.size_bytes), *rest],
        "size": [Artefact(first.path, first.digest, first.size_bytes + 1), *rest],
        "more": [*before.artefacts, Artefact("other.json", DIGEST, 0)],
        "fewer": rest,
    }.get(change, list(before.artefacts))
    after = Content.of(
        family="diffusion" if change == "family" else "transformer",
        parameters=1003, size="135M", context_length=2048, artefacts=changed,
    )  # fmt: skip
    assert after.digest != before.digest


@pytest.mark.parametrize(
    "wrong",
    [{"family": ""}, {"family": "a/b"}, {"family": "x" * 65}, {"family": "fämily"}, {"parameters": 0},
     {"parameters": 2**60}, {"size": "huge"}, {"size": ""}, {"context_length": 0}, {"context_length": 2**31},
     {"artefacts": []}, {"artefacts": [Artefact("a.json", DIGEST, 1), Artefact("a.json", DIGEST, 2)]}],
)  # fmt: skip
def test_wrong_content_is_refused(wrong: dict[str, Any]) -> None:
    right: dict[str, Any] = {
        "family": "transformer", "parameters": 1, "size": "1M", "context_length": 1,
        "artefacts": [Artefact("a.json", DIGEST, 1)],
    }  # fmt: skip
    with pytest.raises(ColonnadeError) as refusal:
        Content.of(**(right | wrong))
    assert refusal.value.details["field"]


@pytest.mark.parametrize(
    ("path", "digest", "size"),
    [("../a.json", DIGEST, 1), ("/a.json", DIGEST, 1), ("a/../b.json", DIGEST, 1), ("a\0.json", DIGEST, 1),
     ("model.pkl", DIGEST, 1), ("model.bin", DIGEST, 1), ("", DIGEST, 1), ("a.json", "sha256:1", 1),
     ("a.json", DIGEST, -1), ("a.json", DIGEST, 2**60)],
)  # fmt: skip
def test_wrong_artefacts_are_refused(path: str, digest: str, size: int) -> None:
    with pytest.raises((InvalidArgument, TooLarge)):
        Artefact(path, digest, size)


@given(st.lists(st.builds(Target, st.integers(-1, 5), st.integers(-10, 110)), max_size=12))
def test_targets_are_taken_when_they_add_up_and_only_then(targets: list[Target]) -> None:
    versions = [target.version for target in targets]
    right = (
        1 <= len(targets) <= 10
        and len(set(versions)) == len(versions)
        and all(target.version >= 1 and 1 <= target.weight <= 100 for target in targets)
        and sum(target.weight for target in targets) == 100
    )
    if right:
        assert check_targets(targets) == tuple(sorted(targets))
    else:
        with pytest.raises(InvalidArgument) as refusal:
            check_targets(targets)
        assert refusal.value.details["field"].startswith("targets")


def test_a_move_to_a_version_that_is_not_there() -> None:
    with pytest.raises(NotFound, match="no version 3"):
        moved(None, "production", [Target(3, 100)], {1, 2}, expected_revision=None, by="x", at=START)


@pytest.mark.parametrize("alias", ["", "Production", "1st", "a b", "x" * 65, "a.b", "pro\0d"])
def test_wrong_alias_names(alias: str) -> None:
    with pytest.raises((InvalidArgument, TooLarge)):
        moved(None, alias, [Target(1, 100)], {1}, expected_revision=None, by="x", at=START)


def test_revisions_go_on_after_a_deletion() -> None:
    def move(current: Alias | None, expected: int | None) -> Alias:
        return moved(
            current, "production", [Target(1, 100)], {1}, expected_revision=expected, by="x", at=START
        )

    first = move(None, 0)
    second = move(first, 1)
    gone = second.deleted(by="y", at=START)
    assert (first.revision, second.revision, gone.revision, gone.exists) == (1, 2, 3, False)
    with pytest.raises(Conflict):
        move(gone, 2)
    again = move(gone, 0)
    assert again.revision == 4
    with pytest.raises(Conflict, match="at revision 4, not 2") as refusal:
        move(again, 2)  # of someone who slept through the deletion
    assert refusal.value.details["revision"] == 4


@pytest.mark.parametrize(
    ("asked", "aliases", "expected"),
    [("", set(), "production"), ("", {"production"}, ""), ("", {"canary"}, "production"),
     ("canary", set(), "canary"), ("production", {"production"}, "production")],
)  # fmt: skip
def test_the_alias_that_an_import_moves(asked: str, aliases: set[str], expected: str) -> None:
    assert alias_for_import(asked, aliases) == expected


def test_a_draft_becomes_the_version_it_says() -> None:
    version = draft("smol", 7).numbered(3)
    assert (version.manifest.name, version.manifest.version) == ("smol", 3)
    assert version.manifest.digest == content(7).digest


@pytest.mark.parametrize(
    ("family", "base"), [("lora", ""), ("transformer", DIGEST), ("lora", "production"), ("lora", "sha256:1")]
)
def test_an_adapter_has_a_base_and_a_model_has_none(family: str, base: str) -> None:
    artefacts = [Artefact("a.json", DIGEST, 1)]
    with pytest.raises(ColonnadeError) as refusal:
        Content.of(family=family, parameters=1, size="1M", context_length=1, artefacts=artefacts, base=base)
    assert refusal.value.details["field"] == "base"
