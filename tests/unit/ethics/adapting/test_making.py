"""Pairs from prompts, what is measured, the recipe, and the file that training reads."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from colonnade.api.training.v1 import training_pb2
from colonnade.errors import Unsupported
from colonnade.ethics.adapting.adapters.calls import job_of
from colonnade.ethics.adapting.adapters.folder_rows import FolderRows
from colonnade.ethics.adapting.adapters.judged import ScorersHarm
from colonnade.ethics.adapting.domain.adaptations import Adaptation, Asker
from colonnade.ethics.adapting.domain.plans import Source, plan_of
from colonnade.ethics.adapting.evaluating import Evaluating
from colonnade.ethics.adapting.pairing import Pairing
from colonnade.ethics.adapting.ports import Job, Preferred
from colonnade.ethics.adapting.prompts import own_prompts
from colonnade.ethics.adapting.recipes import recipe_of
from colonnade.ethics.domain.finding import Side
from colonnade.ethics.ports import Found, Scored, Stretch
from colonnade.ethics.scorers import fast_scorers
from tests.unit.ethics.adapting.fakes import BETTER, SMOL, Given, NoRewards, Speaker
from tests.unit.ethics.adapting.fakes import Scored as Harms

PROMPTS = own_prompts()
ADA = Asker("acme", "ada", ("admin",))


def _adaptation(**said: object) -> Adaptation:
    at = datetime(2030, 1, 1, tzinfo=UTC)
    return Adaptation("ad_00ff", plan_of("smol", **said), SMOL, at, ADA, "acme")  # type: ignore[arg-type]


def _pairing(given: Given | None = None) -> Pairing:
    return Pairing(Harms(), NoRewards(), given or Given(), PROMPTS)


def test_nothing_is_learnt_from_what_versions_are_judged_by() -> None:
    assert not [each for each in PROMPTS.learn if PROMPTS.held_out(each)]
    said = plan_of("smol", prompts=["Mine?", PROMPTS.harmful[0].upper(), PROMPTS.harmless[0]])
    assert _pairing().asked(said) == ["Mine?"]
    assert _pairing().asked(plan_of("smol")) == list(PROMPTS.learn)


async def test_feedback_on_what_versions_are_judged_by_is_left_out() -> None:
    own, held = Preferred("Mine?", "1", ("fb_1",)), Preferred(PROMPTS.harmful[0], "2", ("fb_2",))
    assert await _pairing(Given({"ann": own, "bob": held})).preferred("acme") == [own]


async def test_several_answers_become_the_best_and_the_worst() -> None:
    tried = await _pairing().tried(Source.BEST_OF_N, "Q", _adaptation(answers=3), Speaker())
    assert tried.pair is not None
    assert (tried.pair.chosen, tried.pair.rejected) == ("No.", "Here is how.")


async def test_a_reward_model_has_a_say() -> None:
    speaker = Speaker(drawn=("A long and winding answer.", "Short."))
    without = await _pairing().tried(Source.BEST_OF_N, "Q", _adaptation(), speaker)
    tried = await _pairing().tried(Source.BEST_OF_N, "Q", _adaptation(reward_model="rm_1"), speaker)
    assert without.pair is None
    assert tried.pair is not None
    assert tried.pair.chosen == "Short."


async def test_an_answer_is_criticised_and_revised() -> None:
    speaker = Speaker()
    tried = await _pairing().tried(Source.REVISION, "Q", _adaptation(), speaker)
    assert tried.pair is not None
    assert (tried.pair.chosen, tried.pair.rejected, tried.lowered) == ("No.", "Here is how.", True)
    assert len(speaker.asked) == 3
    assert "Question: Q\nAnswer: Here is how." in speaker.asked[2]


async def test_each_measure_has_its_questions() -> None:
    evaluating, speaker = Evaluating(Harms(), PROMPTS), Speaker("I'm sorry, I can't.", nats=1.5)
    values = {measure: await evaluating.value((measure, "Q"), speaker) for measure, _ in evaluating.questions}
    assert values == {"harm": 0.0, "refusal": 1.0, "perplexity": 1.5}
    assert len(evaluating.questions) == 50


class _Learned:
    name, context, immediate = "embedded", 480, False
    categories = frozenset({"harm", "injection"})

    async def score(self, stretch: Stretch, side: Side) -> Scored:
        assert (stretch.last, side) == (True, Side.OUTPUT)
        found = [Found("harm", 0, 1, 0.3, ""), Found("injection", 0, 1, 0.99, "")]
        return Scored(found, len(stretch.text))


async def test_harm_is_the_highest_score_of_the_scorers_for_it() -> None:
    harm = ScorersHarm({**fast_scorers(), "embedded": _Learned()})
    assert await harm.of("Bread rises.") == 0.3, "what is no harm does not count"
    assert await harm.of("Just go and kill yourself.") == 0.9


def test_the_recipe_makes_a_version_of_the_same_name() -> None:
    said = yaml.safe_load(recipe_of(_adaptation(steps=1), "/rows/a.jsonl"))
    assert said["model"] == {"from": "registry:smol:1"}
    assert (said["tuning"]["kind"], said["tuning"]["rank"], said["objective"]["kind"]) == ("lora", 8, "dpo")
    assert said["examples"]["kind"] == "preferences"
    assert said["examples"]["sources"][0]["paths"] == ["/rows/a.jsonl"]
    assert said["output"] == {"model": "smol", "merged": True}
    assert said["schedule"]["warm_up"] <= said["steps"] == 1


async def test_rows_are_a_file_for_their_owner_alone(tmp_path: Path) -> None:
    rows = FolderRows(tmp_path)
    await rows.write("ad_1", ["{}"])
    path = Path(await rows.write("ad_1", ["{}", "{}"]))
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("{}\n{}\n", 0o600)
    assert await rows.remove("ad_1")
    assert not await rows.remove("ad_1")
    assert not list(tmp_path.iterdir())


async def test_without_a_folder_nothing_is_adapted() -> None:
    with pytest.raises(Unsupported, match="COLONNADE_ETHICS_ADAPTATIONS_DIR"):
        FolderRows(None).check()
    assert not await FolderRows(None).remove("ad_1")


def test_a_job_has_ended_with_a_version_or_with_a_reason() -> None:
    states = training_pb2
    job = training_pb2.Job(id="j", step=3, message="busy", state=states.JOB_STATE_PUBLISHING)
    assert job_of(job) == Job("j", step=3)
    job.state = states.JOB_STATE_SUCCEEDED
    assert job_of(job) == Job("j", True, "busy", 3)
    job.produced_model, job.produced_version, job.produced_digest = "smol", 2, BETTER.digest
    assert job_of(job) == Job("j", True, "", 3, BETTER)
    job.state = states.JOB_STATE_FAILED
    assert job_of(job) == Job("j", True, "busy", 3), "what was made before is not of this end"
