"""What a webhook is sent: as https://www.standardwebhooks.com has it, so that its libraries verify it."""

import base64
import json
import secrets
from collections.abc import Mapping
from datetime import datetime

from standardwebhooks import Webhook as Signer

from colonnade.registry.events.ports import Event
from colonnade.registry.events.webhook import Webhook

_SECRET_BYTES = 32


def new_secret() -> str:
    return f"whsec_{base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()}"


def message(webhook: Webhook, secret: str, event: Event, now: datetime) -> tuple[Mapping[str, str], bytes]:
    """Headers and body of an attempt. The id is the same at each attempt, the time and signature are not."""
    body = json.dumps(
        {"type": event.kind, "timestamp": event.at.isoformat(), "data": described(event)}, ensure_ascii=True
    )
    message_id = f"{webhook.id}_{event.number}_{int(event.at.timestamp() * 1e6):x}"
    headers = {
        "content-type": "application/json",
        "user-agent": "colonnade-webhooks",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Signer(secret).sign(message_id, now, body),
    }
    return headers, body.encode()


def described(event: Event) -> dict[str, object]:
    """As ``GET /events`` has it."""
    return {
        "number": event.number,
        "at": event.at.isoformat(),
        "kind": event.kind,
        "tenant": event.tenant,
        "model": event.model,
        "version": event.version,
        "alias": event.alias,
        "by": event.by,
        "facts": dict(event.facts),
    }
