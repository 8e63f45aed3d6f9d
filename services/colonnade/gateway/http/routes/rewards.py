"""``/reward-models``: what is made of feedback, and what it says of answers."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response

from colonnade.gateway.http import wire_rewards as wire
from colonnade.gateway.http.described import texts
from colonnade.gateway.http.route import GuardedRoute, exchange_of, gateway_of, options_of
from colonnade.gateway.http.routes.models import IdempotencyKey
from colonnade.security.inputs import check_text, idempotency_key

router = APIRouter(route_class=GuardedRoute, tags=["feedback"])
_OCTETS = "application/octet-stream"
_Id = Annotated[str, Path(alias="id", max_length=64, description="As the list has it.")]


@router.post("/reward-models", status_code=201, response_model=wire.RewardModelOut)
async def train_reward(
    request: Request, body: wire.TrainBody, key: IdempotencyKey = None
) -> wire.RewardModelOut:
    """Makes a reward model of what was accepted. Takes as long as an engine needs to embed the texts."""
    exchange, built_in = exchange_of(request), body.built_in is not False
    exchange.deadline = time.monotonic() + options_of(request).import_seconds
    once = idempotency_key(key) if key is not None else ""
    made = await gateway_of(request).feedback.book.train(exchange.caller, built_in=built_in, key=once)
    return wire.RewardModelOut.of(made)


@router.get("/reward-models", response_model=wire.RewardModels)
async def list_reward_models(request: Request) -> wire.RewardModels:
    """Newest first."""
    found = await gateway_of(request).feedback.book.models(exchange_of(request).caller)
    return wire.RewardModels(models=[wire.RewardModelOut.of(each) for each in found])


@router.get("/reward-models/{id}", response_model=wire.RewardModelOut)
async def get_reward_model(request: Request, model_id: _Id) -> wire.RewardModelOut:
    """One reward model, with its card."""
    found, _ = await gateway_of(request).feedback.book.model(exchange_of(request).caller, model_id)
    return wire.RewardModelOut.of(found)


@router.get(
    "/reward-models/{id}/weights", response_model=None, response_class=Response, responses=texts(_OCTETS)
)
async def get_reward_weights(request: Request, model_id: _Id) -> Response:
    """Its weights, as safetensors."""
    _, weights = await gateway_of(request).feedback.book.model(exchange_of(request).caller, model_id)
    return Response(weights, media_type=_OCTETS)


@router.post("/reward-models/score", response_model=wire.Scores)
async def score_answers(request: Request, body: wire.ScoreBody) -> wire.Scores:
    """How good a reward model finds answers to a prompt."""
    model = check_text(body.model or "", "model", 64, allow_empty=True, controls="line")
    book, caller = gateway_of(request).feedback.book, exchange_of(request).caller
    scored = await book.score(caller, model, body.turns, body.checked)
    return wire.Scores(model=scored.model, scores=list(scored.scores))
