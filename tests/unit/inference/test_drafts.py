"""An engine that guesses ahead with a draft gets it before its first model, and does without if need be."""

from colonnade.errors import TooLarge
from tests.unit.inference.conftest import Routing
from tests.unit.inference.fakes import FakeEngine, digest, work


async def test_the_draft_is_loaded_first_and_once(routing: Routing) -> None:
    engine = FakeEngine("a", draft=digest("poet"))
    router = await routing(engine)
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["poet", "m"]
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["poet", "m"]


async def test_a_draft_that_is_there_is_not_loaded_again(routing: Routing) -> None:
    engine = FakeEngine("a", {digest("poet")}, draft=digest("poet"))
    router = await routing(engine)
    assert await router.texts(work()) == ["a", "b"]
    assert engine.loads == ["m"]


async def test_without_its_draft_a_model_answers_all_the_same(routing: Routing) -> None:
    full = FakeEngine("a", draft=digest("poet"), load_errors=[TooLarge("no room")])
    router = await routing(full)
    assert await router.texts(work()) == ["a", "b"]
    assert full.loads == ["poet", "m"]
    lost = FakeEngine("b", draft=digest("nobody knows"))
    router = await routing(lost)
    assert await router.texts(work()) == ["a", "b"]
    assert lost.loads == ["m"]


async def test_the_draft_itself_is_a_version_like_any_other(routing: Routing) -> None:
    engine = FakeEngine("a", draft=digest("poet"))
    router = await routing(engine)
    assert await router.texts(work("poet")) == ["a", "b"]
    assert digest("poet") in engine.loaded
