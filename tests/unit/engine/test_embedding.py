from collections.abc import Sequence as Row
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal, cast

import pytest
import torch

from colonnade.engine.core import Core
from colonnade.engine.embedding import MAX_TEXTS, EmbedDecoder, Embedding, works_of
from colonnade.engine.scheduler import Limits
from colonnade.engine.text import Tokenizer
from colonnade.errors import Internal, InvalidArgument, TooLarge, Unsupported
from colonnade.models.protocol import EmbeddingSpec, Outputs, SampledToken
from tests.unit.engine.embedded import plainly, shared_runtime, submitted, vectors_of
from tests.unit.engine.toys.loaded import EMBEDDERS, runtime
from tests.unit.engine.work import finish_all, ids_of, sequence
from tests.unit.models import tiny_bert
from tests.unit.models.running import Request

embedders = pytest.mark.parametrize("family", sorted(EMBEDDERS))
TEXTS = ["a", "a cat", "the cat sat on the mat", "déjà vu €", "x" * 60]
close = partial(torch.testing.assert_close, atol=1e-6, rtol=1e-5)


@embedders
def test_vectors_are_the_pooled_hidden_states_with_length_one(family: str) -> None:
    made = shared_runtime(family)
    vectors = vectors_of(Core(Limits()), made, TEXTS)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(len(TEXTS)))
    for vector, text in zip(vectors, TEXTS, strict=True):
        close(vector, plainly(made, text))
    assert float((vectors[0] - vectors[1]).norm()) > 0.01


@embedders
def test_many_short_texts_go_through_together(family: str) -> None:
    core = Core(Limits(max_sequences=32, step_tokens=512))
    submitted(core, shared_runtime(family), [f"text {number}" for number in range(30)])
    updates = core.step()
    assert core.last_batch == 30
    assert sum(update.finish is not None for update in updates) == 30


def test_what_sees_both_ways_goes_through_whole_however_small_the_steps() -> None:
    made, core = shared_runtime("encoder"), Core(Limits(step_tokens=8))
    vectors = vectors_of(core, made, TEXTS)
    for vector, text in zip(vectors, TEXTS, strict=True):
        close(vector, plainly(made, text))


@pytest.mark.parametrize("step_tokens", [1, 7, 20])
def test_what_sees_one_way_goes_through_in_chunks(step_tokens: int) -> None:
    made, core = shared_runtime("transformer"), Core(Limits(step_tokens=step_tokens))
    vectors = vectors_of(core, made, TEXTS)
    for vector, text in zip(vectors, TEXTS, strict=True):
        close(vector, plainly(made, text))


def test_a_text_that_had_to_give_way_has_the_same_vector() -> None:
    made = runtime("transformer")
    page = made.store.page_bytes
    core = Core(Limits(cache_bytes=7 * page, step_tokens=16, max_sequences=4))
    texts = ["y" * 60, "z" * 60, "w" * 60]
    vectors = vectors_of(core, made, texts)
    for vector, text in zip(vectors, texts, strict=True):
        close(vector, plainly(made, text))
    assert core.load().cache_bytes == 0


def test_state_that_others_computed_is_not_used() -> None:
    """The rows of all tokens are wanted, those of a shared prefix too."""
    made, core = runtime("transformer"), Core(Limits())
    first = vectors_of(core, made, ["x" * 60])
    close(vectors_of(core, made, ["x" * 60]), first)


def test_generating_and_embedding_share_an_engine() -> None:
    made, core = runtime("transformer"), Core(Limits())
    alone = sequence(made, "hello", 6)
    core.submit(alone)
    expected = ids_of(finish_all(core), alone)
    beside = sequence(made, "hello", 6)
    core.submit(beside)
    embedded = submitted(core, made, ["a cat", "x" * 60])
    updates = finish_all(core)
    assert ids_of(updates, beside) == expected
    for each, text in zip(embedded, ["a cat", "x" * 60], strict=True):
        vector = torch.tensor(cast("EmbedDecoder", each.decoder).vector)
        close(vector, plainly(made, text))


def _nothing(logits_V: torch.Tensor, position: int, draw: int = 0, after: Row[int] = ()) -> SampledToken:
    raise AssertionError("nothing is drawn")


@pytest.mark.parametrize(
    ("pooling", "expected"), [("mean", [2.0, 3.0]), ("cls", [1.0, 0.0]), ("last", [3.0, 6.0])]
)
@pytest.mark.parametrize("budget", [1, 2, 3, 9])
def test_each_way_of_pooling(
    pooling: Literal["mean", "cls", "last"], expected: list[float], budget: int
) -> None:
    hidden = torch.tensor([[1.0, 0.0], [2.0, 3.0], [3.0, 6.0]])
    decoder, view = EmbedDecoder([7, 8, 9], EmbeddingSpec(2, pooling, "causal", 3)), Request([7, 8, 9])
    done = False
    while not done:
        span = decoder.plan(view, budget)
        rows = hidden[[span.start + offset for offset in span.want]]
        view.committed += span.commit
        done = decoder.absorb(
            view, span, Outputs(rows.new_empty(len(rows), 0), hidden_WD=rows), _nothing
        ).done
    torch.testing.assert_close(
        torch.tensor(decoder.vector), torch.nn.functional.normalize(torch.tensor(expected), dim=0)
    )


def test_there_is_no_vector_before_the_end() -> None:
    decoder = EmbedDecoder([1], EmbeddingSpec(2, "mean", "causal", 3))
    with pytest.raises(Internal):
        _ = decoder.vector


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_a_number_is_no_vector(bad: float) -> None:
    decoder, view = EmbedDecoder([7], EmbeddingSpec(2, "mean", "causal", 3)), Request([7])
    span = decoder.plan(view, 1)
    outputs = Outputs(torch.empty(1, 0), hidden_WD=torch.tensor([[bad, 1.0]]))
    with pytest.raises(Internal, match="not a number"):
        decoder.absorb(view, span, outputs, _nothing)
    with pytest.raises(Internal, match="without the hidden states"):
        decoder.absorb(view, span, replace(outputs, hidden_WD=None), _nothing)


def test_a_text_that_is_too_long_is_refused_or_cut() -> None:
    made = shared_runtime("encoder")
    asked = Embedding("sha256:x", ["short", "x" * 70])
    with pytest.raises(InvalidArgument, match="at most 64; split it or set truncate") as refusal:
        works_of(asked, made)
    assert refusal.value.details == {"field": "input[1]", "limit": 64, "tokens": 70}
    cut = works_of(replace(asked, truncate=True), made)
    assert [len(work.tokens) for work in cut] == [5, 64]
    assert list(cut[1].tokens) == made.tokenizer.encode("x" * 64)


def test_what_stands_around_a_text_survives_the_cut(tmp_path: Path) -> None:
    folder = tiny_bert.save(tiny_bert.make(num_hidden_layers=1), tmp_path)
    tokenizer = Tokenizer((folder / "tokenizer.json").read_text())
    whole = tokenizer.encode("the cat sat on the mat")
    assert tokenizer.encode_within("the cat sat on the mat", 5) == [*whole[:4], whole[-1]]
    assert tokenizer.encode_within("the cat", 64) == tokenizer.encode("the cat")
    assert len(tokenizer.encode_within("the cat", 1)) == 1


@pytest.mark.parametrize(
    ("texts", "kind", "field"),
    [
        ([], InvalidArgument, "input"),
        (["a"] * (MAX_TEXTS + 1), InvalidArgument, "input"),
        (["a" * 600_000] * 2, TooLarge, "input"),
        (["a", ""], InvalidArgument, "input[1]"),
    ],
    ids=["none", "too many", "too large", "empty"],
)
def test_bad_texts_are_refused_by_name(texts: list[str], kind: type[Exception], field: str) -> None:
    with pytest.raises(kind) as refusal:
        works_of(Embedding("sha256:x", texts), shared_runtime("encoder"))
    assert refusal.value.details["field"] == field  # type: ignore[attr-defined]


def test_a_model_that_does_not_embed_says_so() -> None:
    with pytest.raises(Unsupported, match="'embed'") as refusal:
        works_of(Embedding("sha256:x", ["a"]), shared_runtime("recurrent"))
    assert refusal.value.details["capability"] == "embed"
