"""The options of /generate, for ``generate`` and ``chat``; what is not given is left to the platform."""

from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from colonnade.errors import InvalidArgument

if TYPE_CHECKING:
    from colonnade.client.calls import GenerateOptions

_PANEL = "Sampling"

Model: TypeAlias = Annotated[
    str | None,
    typer.Option("--model", "-m", help="name, name@alias or name:version; else the default model."),
]
ModelSize: TypeAlias = Annotated[str | None, typer.Option(help="A size instead of a model: 135M, 7B ...")]
Adapter: TypeAlias = Annotated[
    str | None, typer.Option("--adapter", "-a", help="A LoRA adapter of the model, named as models are.")
]
MaxTokens: TypeAlias = Annotated[int | None, typer.Option(help="Longest answer, in tokens.")]
Preset: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--preset", "-p", help="creative, balanced, precise or deterministic.", rich_help_panel=_PANEL
    ),
]
Temperature: TypeAlias = Annotated[
    float | None, typer.Option("--temperature", "-t", help="0 is greedy.", rich_help_panel=_PANEL)
]
TopK: TypeAlias = Annotated[
    int | None, typer.Option(help="Draw from the k most likely tokens.", rich_help_panel=_PANEL)
]
TopP: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Draw from the smallest set with this probability.", rich_help_panel=_PANEL),
]
MinP: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Leave out tokens below this share of the best one's.", rich_help_panel=_PANEL),
]
RepetitionPenalty: TypeAlias = Annotated[
    float | None, typer.Option(help="Above 1 discourages repeating.", rich_help_panel=_PANEL)
]
FrequencyPenalty: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Above 0 discourages a token each time that it comes.", rich_help_panel=_PANEL),
]
PresencePenalty: TypeAlias = Annotated[
    float | None,
    typer.Option(help="Above 0 discourages a token once it has come.", rich_help_panel=_PANEL),
]
Stop: TypeAlias = Annotated[
    list[str] | None, typer.Option(help="End before this text; may be repeated.", rich_help_panel=_PANEL)
]
Seed: TypeAlias = Annotated[
    int | None, typer.Option(help="Repeats an answer exactly.", rich_help_panel=_PANEL)
]

LogitBias: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="ID=VALUE",
        help="Added to the score of a token, named by its id (colonnade tokenize); may be repeated.",
        rich_help_panel=_PANEL,
    ),
]


def biases(given: list[str] | None) -> dict[int, float] | None:
    """``["15043=-100"]`` as the platform takes it."""
    if not given:
        return None
    found: dict[int, float] = {}
    for each in given:
        token, separator, value = each.partition("=")
        try:
            found[int(token)] = float(value if separator else "")
        except ValueError:
            raise InvalidArgument(
                f"--logit-bias takes the id of a token and a number, as in 15043=-100, not {each!r}",
                field="logit_bias",
                limit="ID=VALUE",
            ) from None
    return found


def options(
    *,
    model: str | None,
    model_size: str | None,
    adapter: str | None,
    max_tokens: int | None,
    preset: str | None,
    temperature: float | None,
    top_k: int | None,
    top_p: float | None,
    min_p: float | None,
    repetition_penalty: float | None,
    frequency_penalty: float | None,
    presence_penalty: float | None,
    stop: list[str] | None,
    seed: int | None,
) -> "GenerateOptions":
    return {
        "model": model,
        "model_size": model_size,
        "adapter": adapter,
        "max_tokens": max_tokens,
        "preset": preset,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "repetition_penalty": repetition_penalty,
        "frequency_penalty": frequency_penalty,
        "presence_penalty": presence_penalty,
        "stop": stop or None,
        "seed": seed,
    }
