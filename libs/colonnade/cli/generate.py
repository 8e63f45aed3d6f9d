"""``colonnade generate``"""

from typing import TYPE_CHECKING, Annotated

import typer

from colonnade.cli import forms, guarding, recalling, sampling
from colonnade.cli.connection import ApiKey, AsJson, Url, connect
from colonnade.cli.standard_input import text_of_input
from colonnade.cli.terminal import human_seconds, out, remark, write

if TYPE_CHECKING:
    from colonnade.client import Generation


def generate(
    prompt: Annotated[
        str, typer.Argument(help="What to continue or answer; - reads it from standard input.")
    ],
    system: Annotated[
        str | None, typer.Option(help="Instructions; the prompt then becomes a message of a chat.")
    ] = None,
    model: sampling.Model = None,
    model_size: sampling.ModelSize = None,
    adapter: sampling.Adapter = None,
    max_tokens: sampling.MaxTokens = None,
    preset: sampling.Preset = None,
    temperature: sampling.Temperature = None,
    top_k: sampling.TopK = None,
    top_p: sampling.TopP = None,
    min_p: sampling.MinP = None,
    repetition_penalty: sampling.RepetitionPenalty = None,
    frequency_penalty: sampling.FrequencyPenalty = None,
    presence_penalty: sampling.PresencePenalty = None,
    logit_bias: sampling.LogitBias = None,
    stop: sampling.Stop = None,
    seed: sampling.Seed = None,
    json_schema: forms.JsonSchema = None,
    regex: forms.Regex = None,
    grammar: forms.Grammar = None,
    json_object: forms.JsonObject = False,
    n: Annotated[int | None, typer.Option("--n", "-n", help="So many answers, one after the other.")] = None,
    session: recalling.Session = None,
    recall: recalling.Recall = False,
    remember: recalling.Remember = False,
    subject: recalling.Subject = None,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Generate now, whatever is kept; the new answer may be kept.")
    ] = False,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Neither take an answer that is kept nor keep this one.")
    ] = False,
    stats: Annotated[bool, typer.Option(help="Tell tokens and times on stderr afterwards.")] = False,
    as_json: AsJson = False,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Continue a text, as it is made. Ctrl-C cancels."""
    text = text_of_input("prompt") if prompt == "-" else prompt
    wanted = sampling.options(
        model=model, model_size=model_size, adapter=adapter, max_tokens=max_tokens, preset=preset,
        temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
        repetition_penalty=repetition_penalty, frequency_penalty=frequency_penalty,
        presence_penalty=presence_penalty, stop=stop, seed=seed,
    )  # fmt: skip
    if system is not None:
        wanted["messages"] = [{"role": "system", "content": system}, {"role": "user", "content": text}]
    wanted |= {
        "structure": forms.structure(json_schema, regex, grammar, json_object),
        "n": n,
        "logit_bias": sampling.biases(logit_bias),
        "memory": recalling.wanted(session, recall=recall, remember=remember),
        "user": subject,
        "cache_control": _cache_control(refresh=refresh, no_cache=no_cache),
    }
    given = None if system is not None else text
    with connect(url, api_key) as client:
        if as_json:
            _print_json(client.generate(given, **wanted))
            return
        if n is not None and n > 1:
            _print_all(client.generate(given, **wanted), stats=stats)
            return
        with client.stream(given, **wanted) as stream:
            for chunk in stream:
                write(chunk.text)
            write("\n")
            recalling.tell(stream.result.memory)
            guarding.tell(stream.result.guard)
            if stats:
                remark(told(stream.result))


def told(result: "Generation") -> str:
    """``smollm2:1, 12 + 40 tokens, stop, 1.9 s, seed 7``, and of a kept answer ``hit of 3s`` ago."""
    seconds = result.timings.get("total") or sum(result.timings.values())
    usage = f"{result.usage.prompt_tokens} + {result.usage.completion_tokens} tokens"
    model, adapter = f"{result.model.name}:{result.model.version}", result.model.adapter
    model += f" with {adapter.name}:{adapter.version}" if adapter else ""
    cache = f", {result.cache.kind} of {human_seconds(result.cache.age_seconds)}" if result.cache else ""
    return f"{model}, {usage}, {result.finish_reason}, {seconds:.1f} s, seed {result.seed}{cache}"


def _cache_control(*, refresh: bool, no_cache: bool) -> str | None:
    """In HTTP's words, where no-cache means that what is kept must not be taken unseen."""
    if no_cache:
        return "no-store"
    return "no-cache" if refresh else None


def _print_all(result: "Generation", *, stats: bool) -> None:
    """The answers on stdout; which is which, on stderr."""
    for choice in result.choices:
        remark(f"--- {choice.index + 1} of {len(result.choices)}, seed {choice.seed}")
        write(f"{choice.text}\n")
    recalling.tell(result.memory)
    guarding.tell(result.guard)
    if stats:
        remark(told(result))


def _print_json(result: "Generation") -> None:
    from dataclasses import asdict

    out().print_json(data=asdict(result))
