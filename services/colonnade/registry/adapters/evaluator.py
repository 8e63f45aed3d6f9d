"""Gates asked of the served model, through the inference service: what is judged is what will be served."""

import asyncio
import hashlib
import json
import math
import re
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from colonnade.api.ethics.v1 import bias_pb2
from colonnade.api.ethics.v1.bias_pb2_grpc import BiasServiceStub
from colonnade.api.generation.v1 import generation_pb2
from colonnade.api.inference.v1 import inference_pb2
from colonnade.api.inference.v1.inference_pb2_grpc import InferenceServiceStub
from colonnade.errors import InvalidArgument, Unsupported
from colonnade.registry.domain import Manifest
from colonnade.registry.rollouts.machine import GateResult, Outcome
from colonnade.registry.rollouts.plan import Gate, Probe
from colonnade.rpc import Peer
from colonnade.security.inputs import alias_name

_SECONDS = 120.0
_ANSWERS, _ANSWER_TOKENS, _TASK_TOKENS = 8, 32, 24
_P95 = 0.95
_LAST_IN_TURN = -10
_JUDGED = frozenset({Probe.BIAS, Probe.SAFETY})
_ETHICS_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Task:
    """``expect`` is a regular expression that the answer has to match somewhere."""

    ask: str
    expect: str


@dataclass(frozen=True, slots=True)
class Probes:
    """What gates ask, by the names of the sets."""

    texts: Mapping[str, Sequence[str]]
    tasks: Mapping[str, Sequence[Task]]

    @classmethod
    def read(cls, folder: Path | None) -> "Probes":
        """Those that come with the platform, and each ``<name>.json`` of the folder: ``{"texts": [...]}`` or
        ``{"tasks": [{"ask": ..., "expect": ...}]}``. Raises ``InvalidArgument`` naming the file."""
        own = resources.files("colonnade.registry.rollouts") / "probes"
        sets = {name: json.loads((own / f"{name}.json").read_text()) for name in ("prose", "basics")}
        for path in sorted(folder.glob("*.json")) if folder else ():
            sets[alias_name(path.stem, "probes")] = _read(path)
        return cls(
            {name: body["texts"] for name, body in sets.items() if "texts" in body},
            {
                name: [Task(**task) for task in body["tasks"]]
                for name, body in sets.items()
                if "tasks" in body
            },
        )

    def digest_of(self, gate: Gate) -> str:
        """Of the set that the gate asks; empty where it asks none, or one that is not there."""
        asked: Mapping[Probe, Sequence[Any] | None] = {
            Probe.PERPLEXITY: self.texts.get(gate.texts or "prose"),
            Probe.TASKS: self.tasks.get(gate.texts or "basics"),
        }
        found = asked.get(gate.probe)
        if found is None:
            return ""
        plain = [asdict(each) if isinstance(each, Task) else each for each in found]
        return f"sha256:{hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()}"


class ServedModel:
    """Implements ``rollouts.ports.Evaluator``. Its requests give way to everyone's."""

    def __init__(self, peer: Peer, ethics: Peer, probes: Probes) -> None:
        """``ethics`` judges bias and safety; it may be away."""
        self._peer, self._ethics = peer, ethics
        self._stub = InferenceServiceStub(peer.channel)
        self._probes = probes

    async def ask(self, gate: Gate, candidate: Manifest, stable: Manifest | None) -> GateResult:
        figures: Mapping[Probe, Callable[[Manifest, str], Awaitable[float]]] = {
            Probe.PERPLEXITY: self._perplexity,
            Probe.TASKS: self._tasks,
            Probe.FIRST_TOKEN_P95: self._first_token,
            Probe.TOKENS_PER_SECOND: self._rate,
            Probe.BIAS: self._bias,
            Probe.SAFETY: self._safety,
        }
        if gate.probe in _JUDGED and not await self._judges():
            outcome = Outcome.FAILED if gate.required else Outcome.SKIPPED
            return GateResult(outcome, why="the ethics service, which would judge it, is not there")
        measure = figures[gate.probe]
        figure = await measure(candidate, gate.texts)
        beside = await measure(stable, gate.texts) if stable and gate.bound.relative else None
        holds = math.isfinite(figure) and gate.bound.holds(gate.probe, figure, beside)
        told = f"; the stable version's is {beside:.4g}" if beside is not None else ""
        why = f"it is {figure:.4g}, its bound {gate.bound}{told}"
        outcome = Outcome.PASSED if holds else Outcome.FAILED
        return GateResult(outcome, _finite(figure), _finite(beside), why, self._probes.digest_of(gate))

    async def _perplexity(self, version: Manifest, name: str) -> float:
        texts = _set(self._probes.texts, name or "prose", "texts")
        answer = await self._peer.unary(
            self._stub.Score,
            inference_pb2.ScoreRequest(model=_ref(version), texts=texts),
            inference_pb2.ScoreResponse,
            as_service=True,
            timeout=_SECONDS,
        )
        logprobs = [
            token.logprob for text in answer.scores for token in text.tokens if token.HasField("logprob")
        ]
        return math.exp(min(700.0, -sum(logprobs) / len(logprobs))) if logprobs else math.inf

    async def _tasks(self, version: Manifest, name: str) -> float:
        tasks = _set(self._probes.tasks, name or "basics", "tasks")
        solved = 0
        for task in tasks:
            text = "".join([chunk.text async for chunk in self._answer(version, task.ask, _TASK_TOKENS)])
            solved += re.search(task.expect, text, re.IGNORECASE) is not None
        return solved / len(tasks)

    async def _bias(self, version: Manifest, name: str) -> float:
        return await self._judged(version, bias_pb2.JUDGED_BIAS, name)

    async def _safety(self, version: Manifest, name: str) -> float:
        return await self._judged(version, bias_pb2.JUDGED_SAFETY, name)

    async def _judges(self) -> bool:
        """Whether the ethics service is there."""
        try:
            async with asyncio.timeout(_ETHICS_SECONDS):
                await self._ethics.channel.channel_ready()
        except TimeoutError:
            return False
        return True

    async def _judged(self, version: Manifest, what: bias_pb2.Judged.ValueType, name: str) -> float:
        answer = await self._ethics.unary(
            BiasServiceStub(self._ethics.channel).Judge,
            bias_pb2.JudgeRequest(model=_ref(version), what=what, set=name),
            bias_pb2.JudgeResponse,
            as_service=True,
            timeout=_SECONDS,
        )
        return answer.figure

    async def _first_token(self, version: Manifest, name: str) -> float:
        firsts = sorted([(await self._timed(version, at))[0] for at in range(_ANSWERS + 1)][1:])
        return firsts[math.ceil(_P95 * len(firsts)) - 1]

    async def _rate(self, version: Manifest, name: str) -> float:
        """Of answers that come at once, by the time that they took from the asking."""
        timed = [await self._timed(version, at) for at in range(_ANSWERS + 1)][1:]
        seconds = sum(decode for _, decode, _ in timed) or sum(first for first, _, _ in timed)
        return sum(tokens for _, _, tokens in timed) / seconds

    async def _timed(self, version: Manifest, at: int) -> tuple[float, float, int]:
        """Seconds to the first token (infinite where there is none) and from there to the last, and the
        tokens after the first. No two prompts begin alike, so that none is remembered."""
        began, first, last, tokens = time.perf_counter(), math.inf, math.inf, 0
        async with aclosing(self._answer(version, f"{at}. Write a short story.", _ANSWER_TOKENS)) as chunks:
            async for chunk in chunks:
                if chunk.tokens:
                    last = time.perf_counter()
                    first = min(first, last)
                    tokens += len(chunk.tokens)
        return first - began, last - first if tokens else 0.0, max(0, tokens - 1)

    async def _answer(
        self, version: Manifest, ask: str, tokens: int
    ) -> AsyncGenerator[generation_pb2.Chunk, None]:
        """As a conversation; of a model that has no form for those, as a text that goes on."""
        message = generation_pb2.ChatMessage(role="user", content=ask)
        try:
            async for chunk in self._chunks(version, tokens, chat=generation_pb2.Chat(messages=[message])):
                yield chunk
        except (Unsupported, InvalidArgument):
            async for chunk in self._chunks(version, tokens, prompt=f"Question: {ask}\nAnswer:"):
                yield chunk

    async def _chunks(
        self, version: Manifest, tokens: int, **asked: Any
    ) -> AsyncGenerator[generation_pb2.Chunk, None]:
        generation = generation_pb2.Generation(
            model=_ref(version),
            **asked,
            sampling=generation_pb2.Sampling(temperature=0, top_p=1, repetition_penalty=1),
            max_tokens=tokens,
            priority=_LAST_IN_TURN,
        )
        request = inference_pb2.GenerateRequest(
            generation=generation, caching=inference_pb2.Caching(off=True)
        )
        responses = self._peer.stream(
            self._stub.Generate, request, inference_pb2.GenerateResponse, as_service=True, timeout=_SECONDS
        )
        async with aclosing(responses):
            async for response in responses:
                yield response.chunk


def _read(path: Path) -> Mapping[str, Any]:
    try:
        body = json.loads(path.read_text())
        texts, tasks = body.get("texts", []), [Task(**task) for task in body.get("tasks", [])]
        if (texts or tasks) and all(isinstance(text, str) and text for text in texts):
            for task in tasks:
                re.compile(task.expect)
            return dict(body)
    except (OSError, ValueError, TypeError, AttributeError, re.error):
        pass
    raise InvalidArgument(
        f'{path.name} must hold {{"texts": ["..."]}} or {{"tasks": [{{"ask": "...", "expect": "..."}}]}}',
        field="probes",
    )


def _set(sets: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in sets:
        known = ", ".join(sorted(sets))
        raise InvalidArgument(f"there is no set of {what} {name}; there are {known}", field="gates.texts")
    return sets[name]


def _ref(version: Manifest) -> generation_pb2.ModelRef:
    return generation_pb2.ModelRef(name=version.name, version=version.version, digest=version.digest)


def _finite(figure: float | None) -> float | None:
    return figure if figure is not None and math.isfinite(figure) else None
