"""From raw text to a token set: ``prepare`` goes through all of it, and goes on where it was killed."""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from colonnade.errors import AlreadyExists, Conflict, InvalidArgument
from colonnade.learn.data.card import CARD, TOKENIZER, Card, sha256_of
from colonnade.learn.data.crew import Crew, TokenizerAt
from colonnade.learn.data.inputs import inputs_of
from colonnade.learn.data.journal import FOLDER, Journal, State, remove_journal
from colonnade.learn.data.passes import Encoding, Pass, begins_at, stages_of
from colonnade.learn.data.progress import Meter, Progress, Tell
from colonnade.learn.data.sampling import make_tokenizer
from colonnade.learn.data.settings import DataSettings
from colonnade.learn.data.sources import DocumentSource, open_source
from colonnade.learn.data.token_set import TokenSet
from colonnade.learn.data.tokenizing import Encoder
from colonnade.learn.differences import differences
from colonnade.storage.disk import full_disk_named

STRETCH_CHARACTERS = 8 << 20
"""What is lost by a kill, at most, and held in memory."""


def _silent(progress: Progress) -> None:
    """Nobody listens."""


def prepare(
    settings: DataSettings, out: Path, tell: Tell = _silent, *, stretch: int = STRETCH_CHARACTERS
) -> Card:
    """Makes the token set ``out`` from the sources, or finishes it; does nothing where it is there already.

    The same settings and files give the same bytes, however often it was killed on the way, on any number of
    processes. Raises ``Conflict`` where ``out`` was begun with other settings or files, or another process is
    at it; ``AlreadyExists`` where ``out`` holds something else; ``InvalidArgument`` and ``NotFound`` for what
    is wrong with the sources or the tokenizer; ``Unavailable`` where a disk is full or a store is away, after
    which it can be called again. What ``tell`` raises ends it too, and nothing is lost.
    """
    _make(out)
    sources = [open_source(source) for source in settings.sources]
    with _alone(out):
        inputs = inputs_of(settings, sources)
        if (out / CARD).is_file():
            return _there_already(out, inputs)
        with _journal(settings, out, inputs) as journal, Crew(settings) as crew:
            state = _through(settings, out, sources, journal, crew, tell, stretch)
        card = _card(settings, out, inputs, state)
        card.write(out)
        remove_journal(out)
    return card


def _make(out: Path) -> None:
    try:
        with full_disk_named("the token set's", "free some space"):
            out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidArgument(
            f"the folder for the token set cannot be made ({error.strerror}); name another", field="out"
        ) from error


def _there_already(out: Path, inputs: Mapping[str, Any]) -> Card:
    card = TokenSet.open(out).card
    if differ := differences(card.settings.get("inputs", {}), inputs):
        raise _other("holds a token set", differ)
    remove_journal(out)  # what a kill between the card and the end left
    return card


@contextmanager
def _journal(settings: DataSettings, out: Path, inputs: Mapping[str, Any]) -> Iterator[Journal]:
    if not (out / FOLDER).is_dir() and any(out.iterdir()):
        raise AlreadyExists("the folder for the token set holds something else; name a new one", field="out")
    journal = Journal(out, settings.duplicates.memory_bytes)
    try:
        begun = journal.inputs
        if begun is None:
            journal.begin(inputs)
        elif differ := differences(begun, inputs):
            raise _other("holds a preparation", differ)
        yield journal
    finally:
        journal.close()


def _through(
    settings: DataSettings, out: Path, sources: list[DocumentSource], journal: Journal, crew: Crew,
    tell: Tell, stretch: int,
) -> State:  # fmt: skip
    make_tokenizer(settings, out, sources, crew, tell, stretch)
    tokenizer = TokenizerAt(out / TOKENIZER, sha256_of(out / TOKENIZER))
    encoder = Encoder(tokenizer.path.read_text(), settings.spelling().end_of_text)
    if settings.fill_in_middle is not None:
        encoder.marks(settings.fill_in_middle)  # refuses what the tokenizer lacks, before anything is read
    encoding = Encoding(out, tokenizer, encoder.vocabulary, encoder.end_of_text)
    state = journal.state
    for split, numbers in stages_of(settings).items():
        chosen = [sources[number] for number in numbers]
        before, work = 0, Pass(settings, split, encoding, crew, journal)
        meter = Meter(split, sum(one.size for one in chosen), begins_at(state, split, chosen), tell)
        for number, source in zip(numbers, chosen, strict=True):
            if source.name not in state.done.get(split, {}):
                work.run(number, source, state, meter, before, stretch)
            before += source.size
    return state


def _card(settings: DataSettings, out: Path, inputs: Mapping[str, Any], state: State) -> Card:
    encoder = Encoder((out / TOKENIZER).read_text(), settings.spelling().end_of_text)
    splits = {
        split: {name: card for name, card in state.done.get(split, {}).items() if card.documents}
        for split in ("train", "validation")
    }
    dropped: dict[str, int] = {}
    for tally in state.tallies.values():
        for reason, count in tally.dropped.items():
            dropped[reason] = dropped.get(reason, 0) + count
    if not splits["train"]:
        said = ", ".join(f"{reason} {count}" for reason, count in sorted(dropped.items())) or "none was there"
        raise InvalidArgument(
            f"no document is left to train on; dropped: {said}; loosen the rules that dropped them",
            field="quality",
        )
    return Card(
        tokenizer=sha256_of(out / TOKENIZER),
        vocabulary=encoder.vocabulary,
        end_of_text=encoder.end_of_text,
        splits={split: sources for split, sources in splits.items() if sources},
        dropped=dict(sorted(dropped.items())),
        settings={"inputs": inputs, "sources": _report(state)},
    )


def _report(state: State) -> Mapping[str, Any]:
    return {
        name: {
            "documents": tally.documents,
            "kept_bytes": tally.bytes,
            "mended": tally.mended,
            "contaminated": tally.contaminated,
            "dropped": dict(sorted(tally.dropped.items())),
            "text_digest": tally.text_digest,
        }
        for name, tally in state.tallies.items()
    }


def _other(what: str, differ: list[str]) -> Conflict:
    return Conflict(
        f"the folder {what} that was made otherwise: {'; '.join(differ)}; name a new folder, or remove"
        " this one",
        field="out",
        differences=differ,
    )


@contextmanager
def _alone(out: Path) -> Iterator[None]:
    """Two processes would cut off each other's shards. The lock goes with the process that has it."""
    descriptor = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                "another process is preparing this token set; wait for it, or name another folder",
                field="out",
            ) from None
        yield
    finally:
        os.close(descriptor)
