"""Feedback over real gRPC on a socket, as the gateway asks for it: collected, reviewed, learnt from."""

import json
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from colonnade import rpc
from colonnade.api.ethics.v1.feedback_pb2_grpc import add_FeedbackServiceServicer_to_server
from colonnade.errors import Conflict, InvalidArgument, NotFound, PermissionDenied
from colonnade.ethics.feedback.collecting import FeedbackCollector
from colonnade.ethics.feedback.pairs import Pairs
from colonnade.ethics.feedback.reward.making import RewardModels
from colonnade.ethics.feedback.reward.sql_models import SqlRewardModels
from colonnade.ethics.feedback.servicer import FULL_NAME, FeedbackServicer, UseCases
from colonnade.ethics.feedback.sql_feedback import SqlFeedback
from colonnade.ethics.feedback.tables import METADATA
from colonnade.ethics.ports import Embedded
from colonnade.gateway.adapters.calls import Calls
from colonnade.gateway.adapters.feedback import FeedbackService
from colonnade.gateway.domain.exchange import Caller
from colonnade.gateway.domain.feedback import AnsweredBy, NewFeedback, Turn
from colonnade.security.access.ethics import RPCS
from colonnade.security.audit import AuditLog, read
from colonnade.security.identity import Principal, Role
from colonnade.storage.sql import Database, sqlite_url

ASKED = (Turn("user", "Is it far?"),)
BY = AnsweredBy("tiny", 3, "sha256:" + "a" * 64, confirmed=True)
BETTER = NewFeedback("correction", "r1", BY, ASKED, "A mile.", "Dunno.", comment="Rude.")


def caller(subject: str, role: Role = Role.CALLER) -> Caller:
    return Caller(Principal("acme", subject, frozenset({role})), "req-1")


ANN, BOB, EVE = caller("ann"), caller("bob"), caller("eve", Role.MODEL_ENGINEER)


class Hashed:
    """Implements ``ports.Embedder``: texts that begin alike have vectors alike."""

    model = "sha256:e"

    async def embed(self, texts: Sequence[str]) -> Embedded:
        rows = [np.random.default_rng(list(text[:1].encode())).normal(size=16) for text in texts]
        vectors = np.array(rows, np.float32)
        return Embedded(self.model, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


class House:
    def __init__(self, book: FeedbackService, collector: FeedbackCollector, trail: Path) -> None:
        self.book, self.collector, self.trail = book, collector, trail
        self.embedder = Hashed()


@pytest.fixture
async def house() -> AsyncIterator[House]:
    folder = Path(tempfile.mkdtemp(prefix="fb"))
    identity = rpc.Identity("ethics", folder / "identity")
    database = Database(sqlite_url(folder / "ethics.db"), secure_delete=True)
    async with database.engine.begin() as connection:
        await connection.run_sync(METADATA.create_all)
    with closing(AuditLog(folder / "audit", "ethics")) as trail:
        store, embedder = SqlFeedback(database), Hashed()
        collector, pairs = FeedbackCollector(store, trail), Pairs(store)
        rewards = RewardModels(SqlRewardModels(database), pairs, embedder, trail)
        address = f"unix:{folder}/r/ethics.sock"
        server = rpc.Server(address, RPCS, identity)
        servicer = FeedbackServicer(UseCases(collector, pairs, rewards))
        server.add(add_FeedbackServiceServicer_to_server, servicer, FULL_NAME)
        await server.start()
        async with rpc.Peer("ethics", address, identity) as peer:
            made = House(FeedbackService(Calls(peer, identity)), collector, folder / "audit")
            made.embedder = embedder
            yield made
        await server.stop(0)
    await database.close()
    shutil.rmtree(folder)


async def test_it_is_given_seen_and_taken_back(house: House) -> None:
    book = house.book
    given = await book.give(ANN, BETTER, "k1")
    assert (given.given, given.subject, given.state) == (BETTER, "ann", "waiting")
    unbound = NewFeedback("correction", "r1", AnsweredBy(), ASKED, "A mile.", "Dunno.", comment="Rude.")
    assert await book.give(ANN, unbound, "k1") == given  # the gateway knows the answer no longer
    await book.give(BOB, NewFeedback("thumb", "r2", up=True), "")
    assert [each.id for each in (await book.page(ANN, "", "", 0, "")).feedback] == [given.id]
    assert len((await book.page(EVE, "waiting", "", 0, "")).feedback) == 2
    assert (await book.page(EVE, "", "correction", 1, "")).feedback == (given,)
    first = await book.page(EVE, "", "", 1, "")
    assert (await book.page(EVE, "", "", 1, first.next_page)).feedback == (given,)
    for asks in (book.get(BOB, given.id), book.withdraw(BOB, given.id), book.withdraw(EVE, given.id)):
        with pytest.raises(NotFound):
            await asks
    assert await book.get(EVE, given.id) == given
    await book.withdraw(ANN, given.id)
    with pytest.raises(NotFound):
        await book.get(ANN, given.id)


async def test_what_was_accepted_is_pairs(house: House) -> None:
    book = house.book
    given = await book.give(ANN, BETTER, "")
    up = await book.give(ANN, NewFeedback("thumb", prompt=ASKED, chosen="Near.", up=True), "")
    down = await book.give(BOB, NewFeedback("thumb", prompt=ASKED, rejected="Go away."), "")
    with pytest.raises(PermissionDenied):
        await book.review(ANN, given.id, accept=True, why="")
    assert (await book.pairs(EVE, 0, "")).pairs == ()
    reviewed = await book.review(EVE, given.id, accept=True, why="True.")
    assert (reviewed.state, reviewed.reviewed_by, reviewed.why) == ("accepted", "eve", "True.")
    for each in (up, down):
        await book.review(EVE, each.id, accept=True, why="")
    first = await book.pairs(EVE, 1, "")
    second = await book.pairs(EVE, 1, first.next_page)
    pairs = [(each.chosen, each.rejected, each.made_of) for each in (*first.pairs, *second.pairs)]
    assert pairs == [("A mile.", "Dunno.", (given.id,)), ("Near.", "Go away.", (up.id, down.id))]
    await book.review(EVE, down.id, accept=False, why="Spam.")
    assert len((await book.pairs(EVE, 0, "")).pairs) == 1
    told = "".join(str(record) for record in read(house.trail))
    assert "feedback.review" in told
    assert "Dunno" not in told


async def test_a_reward_model_is_made_asked_and_goes_with_its_sources(house: House) -> None:
    book = house.book
    given = await book.give(ANN, BETTER, "")
    await book.review(EVE, given.id, accept=True, why="")
    with pytest.raises(Conflict, match="it takes 20 and 5"):
        await book.train(EVE, built_in=False, key="")
    made = await book.train(EVE, built_in=True, key="k1")
    assert await book.train(EVE, built_in=True, key="k1") == made
    card = json.loads(made.card)
    assert (card["kind"], card["embedding_model"]) == ("bradley_terry", "sha256:e")
    assert made.learnt + made.held_out == 61
    assert card["held_out"]["accuracy"]["pairs"] == made.held_out
    assert await book.models(EVE) == (made,)
    found, weights = await book.model(EVE, "")
    assert found == made
    assert len(weights) > 2 * 16 * 4
    scored = await book.score(EVE, made.id, ASKED, ["A mile.", "Dunno.", "A mile."])
    assert scored.model == made.id
    assert scored.scores[0] == pytest.approx(scored.scores[2]) != pytest.approx(scored.scores[1])
    house.embedder.model = "sha256:other"
    with pytest.raises(InvalidArgument, match="train again"):
        await book.score(EVE, "", ASKED, ["A mile."])
    removed = await house.collector.erase("acme", "ann")
    assert removed == {"feedback": 1, "feedback_reviews": 0, "reward_models": 1}
    assert await book.models(EVE) == ()
