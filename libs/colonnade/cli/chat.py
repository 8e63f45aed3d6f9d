"""``colonnade chat``"""

import sys
from typing import Annotated

import typer

from colonnade.cli import sampling
from colonnade.cli.connection import ApiKey, Url, connect
from colonnade.cli.terminal import remark


def chat(
    system: Annotated[str | None, typer.Option(help="Instructions for the whole conversation.")] = None,
    model: sampling.Model = None,
    model_size: sampling.ModelSize = None,
    adapter: sampling.Adapter = None,
    max_tokens: sampling.MaxTokens = 256,
    preset: sampling.Preset = None,
    temperature: sampling.Temperature = None,
    top_k: sampling.TopK = None,
    top_p: sampling.TopP = None,
    min_p: sampling.MinP = None,
    repetition_penalty: sampling.RepetitionPenalty = None,
    frequency_penalty: sampling.FrequencyPenalty = None,
    presence_penalty: sampling.PresencePenalty = None,
    stop: sampling.Stop = None,
    seed: sampling.Seed = None,
    url: Url = None,
    api_key: ApiKey = None,
) -> None:
    """Talk with a model. /help lists what else you can type; Ctrl-C cancels an answer, Ctrl-D leaves."""
    from colonnade.cli.conversation import Conversation

    wanted = sampling.options(
        model=model, model_size=model_size, adapter=adapter, max_tokens=max_tokens, preset=preset,
        temperature=temperature, top_k=top_k, top_p=top_p, min_p=min_p,
        repetition_penalty=repetition_penalty, frequency_penalty=frequency_penalty,
        presence_penalty=presence_penalty, stop=stop, seed=seed,
    )  # fmt: skip
    with connect(url, api_key) as client:
        interactive = sys.stdin.isatty()
        conversation = Conversation(client, wanted, system=system, interactive=interactive)
        if interactive:
            import readline  # noqa: F401 - importing it gives input() history and editing

            remark("Type a message; /help for commands; Ctrl-C cancels an answer; Ctrl-D leaves.")
        if not conversation.run():
            raise typer.Exit(1)
