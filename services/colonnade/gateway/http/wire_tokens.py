"""``POST /tokenize`` and ``POST /detokenize`` as JSON, in the fields that vLLM's clients know."""

from pydantic import BaseModel, Field

from colonnade.errors import InvalidArgument
from colonnade.gateway.domain.generation import Message
from colonnade.gateway.domain.limits import MAX_MESSAGES, MAX_TOKEN_IDS
from colonnade.gateway.domain.texts import DetokenizeSpec, TokenizeSpec
from colonnade.gateway.http.wire_answers import ModelUsed
from colonnade.gateway.http.wire_generate import ChatMessage
from colonnade.gateway.http.wire_texts import AskedOfAModel


class TokenizeBody(AskedOfAModel):
    prompt: str | None = Field(default=None, description="A text, which may be empty. This or messages.")
    messages: list[ChatMessage] | None = Field(
        default=None,
        description=f"A conversation of at most {MAX_MESSAGES} messages, as the model's template renders it.",
    )
    add_special_tokens: bool | None = Field(
        default=None,
        description="Whether a prompt gets what the tokenizer puts around a text. Default true.",
    )
    return_token_strs: bool | None = Field(default=None, description="Give the text of each token as well.")

    def spec(self) -> TokenizeSpec:
        if self.messages is not None and self.add_special_tokens:
            raise InvalidArgument(
                "add_special_tokens goes with prompt; the special tokens of messages are the template's",
                field="add_special_tokens",
                limit="false, or left out",
            )
        messages = self.messages
        return TokenizeSpec(
            prompt=self.prompt,
            messages=None
            if messages is None
            else tuple(Message(each.role, each.content) for each in messages),
            special_tokens=self.add_special_tokens is not False,
            with_texts=bool(self.return_token_strs),
            model=self.model or "",
            model_size=self.model_size or "",
            user=self.user or "",
            adapter=self.adapter or "",
        )


class DetokenizeBody(AskedOfAModel):
    tokens: list[int] = Field(description=f"Ids of tokens, at most {MAX_TOKEN_IDS}.")

    def spec(self) -> DetokenizeSpec:
        return DetokenizeSpec(
            ids=tuple(self.tokens),
            model=self.model or "",
            model_size=self.model_size or "",
            user=self.user or "",
            adapter=self.adapter or "",
        )


class TokenizeAnswer(BaseModel):
    tokens: list[int]
    count: int
    max_model_len: int = Field(description="The model's context: tokens that it takes, prompt and answer.")
    token_strs: list[str] | None = Field(
        description="The text that each token adds; a character of several tokens stands with the last."
    )
    model: ModelUsed


class DetokenizeAnswer(BaseModel):
    prompt: str = Field(description="The text, with control tokens by their names.")
    model: ModelUsed
