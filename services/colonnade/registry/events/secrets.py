"""The secrets that webhooks are signed with: sealed where they are kept, opened for each message."""

from contextlib import suppress

from colonnade.errors import ColonnadeError
from colonnade.registry.events.ports import WebhookStore
from colonnade.registry.events.webhook import Webhook
from colonnade.security.envelope import Keyring, NotWhole, is_sealed, key_of
from colonnade.telemetry import get_logger

_LOG = get_logger(__name__)


class WebhookSecrets:
    def __init__(self, keys: Keyring) -> None:
        self._keys = keys

    def seal(self, webhook: Webhook, secret: str) -> str:
        return self._keys.seal(secret.encode(), *_whose(webhook))

    def open(self, webhook: Webhook) -> str:
        """``Conflict`` where its key is not there, or it is not this webhook's."""
        return self._keys.open(webhook.sealed, *_whose(webhook)).decode()

    async def adopt(self, store: WebhookStore) -> None:
        """At the start: what an earlier release kept as it is gets sealed, and what another key than the
        first has sealed is sealed with that one. What cannot be opened stays, and the log says so."""
        for webhook in (await store.all(""))[0]:
            try:
                renewed = self._renewed(webhook)
            except ColonnadeError as error:
                _LOG.warning(
                    "messages of a webhook cannot be signed", webhook=webhook.id, reason=error.message
                )
                continue
            if renewed != webhook.sealed:
                await store.reseal(webhook, renewed)
                _LOG.info("the secret of a webhook was sealed", webhook=webhook.id, key=self._keys.first)

    def _renewed(self, webhook: Webhook) -> str:
        if not is_sealed(webhook.sealed):
            return self.seal(webhook, webhook.sealed)
        return self._keys.renewed(webhook.sealed, *_whose(webhook))


async def keys_needed(store: WebhookStore) -> set[str]:
    """The ids of the keys without which some webhook cannot be told."""
    needed = set()
    for webhook in (await store.all(""))[0]:
        with suppress(NotWhole):  # no key opens it
            needed.add(key_of(webhook.sealed))
    return needed


def _whose(webhook: Webhook) -> tuple[str, ...]:
    """With its address: who can write to the database has nothing signed for another one."""
    return "registry.webhook", webhook.id, webhook.url
