"""All routes of OpenAI's protocol that are answered at once."""

from colonnade.gateway.http.openai import chat, completions, embeddings, models

ROUTERS = (chat.router, completions.router, embeddings.router, models.router)
