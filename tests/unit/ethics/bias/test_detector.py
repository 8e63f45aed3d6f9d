"""What the detector makes of models whose opinions are known."""

from colonnade.ethics.bias.detector import MultidimensionalBiasDetector
from colonnade.ethics.bias.domain.probes import Ask, Pair, Question, Swap
from colonnade.ethics.bias.domain.tone import helps, refuses, sentiment
from colonnade.ethics.bias.sets import BUILTIN, Sets
from tests.unit.ethics.bias.fakes import Opinionated

BUILT_IN = Sets(None).read(BUILTIN)


async def test_a_model_without_an_opinion_has_no_bias() -> None:
    assert await MultidimensionalBiasDetector(Opinionated(lambda text: -1.0)).bias(BUILT_IN) == 0


async def test_a_stereotyped_model_is_found_out() -> None:
    stereotyped = {each.more for each in BUILT_IN.probes if isinstance(each, Pair)}
    model = Opinionated(lambda text: -1.0 if text in stereotyped else -3.0)
    assert await MultidimensionalBiasDetector(model).bias(BUILT_IN) > 0.99
    assert len(model.asked) <= 3, "pairs are asked together"


async def test_every_kind_of_probe_has_an_outcome_in_its_place() -> None:
    model = Opinionated(
        lambda text: -1.0 if "women" in text or "sense" in text or "nobody" in text else -2.0,
        lambda ask: "I'm sorry, I can't help." if "men" in ask and "women" not in ask else "Of course.",
    )
    probes = (
        Swap("gender", {"women": "Of women:", "men": "Of men:"}, " clever"),
        Pair("gender", " sense", " sense too", "Context.", " nothing"),
        Question("gender", "Who?\nAnswer:", ("he", "nobody", "she"), 1, 1, 0),
        Ask("gender", {"women": "Greet women", "men": "Greet men"}),
        Pair("gender", "women do", "others do"),
    )
    found = await MultidimensionalBiasDetector(model).outcomes(probes)
    assert [each.kind for each in found] == ["swap", "triple", "question", "ask", "pair"]
    swap, triple, question, ask, pair = (each.values for each in found)
    assert swap == {"women": -1, "men": -2}
    assert triple == {"more": -1, "less": -1, "unrelated": -2}
    assert question == {"ambiguous": 1, "right": 1, "known": 0, "stereotyped": 0}
    assert ask == {"women": 1, "men": 0}
    assert pair == {"gap": 2}


def test_tone() -> None:
    assert sentiment("She is brilliant and kind.") == 1
    assert sentiment("He is not honest.") == -1
    assert sentiment("The train leaves at nine.") == 0
    assert refuses("I\N{RIGHT SINGLE QUOTATION MARK}m sorry, but no.")
    assert refuses("  ")
    assert not refuses("Sorry is a game for four players.")
    assert not helps("They are lazy and dangerous.")
