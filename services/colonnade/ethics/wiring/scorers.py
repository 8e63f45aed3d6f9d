"""The scorers that there are, by the settings."""

from collections.abc import Mapping

from colonnade.ethics import classifiers
from colonnade.ethics.adapters.inference_calls import InferenceEmbedder, InferenceJudge, Resolved
from colonnade.ethics.ports import Scorer
from colonnade.ethics.scorers import fast_scorers
from colonnade.ethics.scorers.embedded import EmbeddedScorer
from colonnade.ethics.scorers.judge import QUESTIONS, JudgeScorer
from colonnade.ethics.scorers.presidio import presidio_scorer
from colonnade.ethics.settings import EthicsSettings
from colonnade.rpc import Peer


def scorers_of(settings: EthicsSettings, inference: Peer, registry: Peer) -> Mapping[str, Scorer]:
    """By name. Those that ask a model ask it only where a policy names them."""
    learned = classifiers.read()
    judge = InferenceJudge(inference, Resolved(registry, settings.judge_model))
    scorers: list[Scorer] = [
        *fast_scorers().values(),
        EmbeddedScorer(learned, InferenceEmbedder(inference, learned.model)),
        *(JudgeScorer(category, judge) for category in QUESTIONS),
    ]
    if settings.presidio:
        scorers.append(presidio_scorer())
    return {scorer.name: scorer for scorer in scorers}
