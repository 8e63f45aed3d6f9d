"""All routes of OpenAI's protocol but the Responses API."""

from colonnade.gateway.http.openai import batches, chat, completions, embeddings, files, models

ROUTERS = (
    chat.router,
    completions.router,
    embeddings.router,
    models.router,
    files.router,
    batches.router,
)
