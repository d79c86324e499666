"""Signed messages between servers, by the Standard Webhooks scheme, in both directions.

    webhook-id          the message's own name; one that comes again carries the same
    webhook-timestamp   when it was sent, this time, in seconds; at most 5 minutes from ours
    webhook-signature   v1, HMAC-SHA-256 over "<id>.<timestamp>.<body>"; more than one while a
                        secret is being replaced

The scheme itself is the library's. Owns the headers, and what may be wrong with them as a value.
Refuses to know what a message says.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta, Struct
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

#: "whsec_" and 24 to 64 bytes in base64; two of them, with a space between, while one replaces the
#: other.
_ONE = r"whsec_[A-Za-z0-9+/]{32,86}={0,2}"
WebhookSecret = Annotated[str, Meta(pattern=rf"^{_ONE}(?: {_ONE})?$(?!\n)")]

ID: Final = "webhook-id"
TIMESTAMP: Final = "webhook-timestamp"
SIGNATURE: Final = "webhook-signature"
#: An id from outside, which becomes part of a key.
ID_MAX: Final = 256


class Unsigned(Struct, frozen=True, gc=False):
    """A message that cannot be believed, and why."""

    message: str


class Signer:
    """Signs, and checks, with the secrets of one correspondent."""

    def __init__(self, secrets: str) -> None:
        self._hooks = [Webhook(secret) for secret in secrets.split()]

    def headers(self, message_id: str, at_ms: int, body: bytes) -> dict[str, str]:
        """What goes with `body`, sent at `at_ms`."""
        at = datetime.fromtimestamp(at_ms // 1_000, UTC)
        text = body.decode()
        return {
            ID: message_id,
            TIMESTAMP: str(at_ms // 1_000),
            SIGNATURE: " ".join(hook.sign(message_id, at, text) for hook in self._hooks),
        }

    def check(self, headers: Mapping[str, str], body: bytes) -> str | Unsigned:
        """The id of a message that is believed: by one of the secrets, and of these minutes."""
        wanted = {name: headers.get(name, "") for name in (ID, TIMESTAMP, SIGNATURE)}
        missing = [name for name, value in wanted.items() if not value]
        if missing:
            return Unsigned(f"without {', '.join(missing)}")
        if len(wanted[ID]) > ID_MAX:
            return Unsigned(f"{ID} is longer than {ID_MAX} characters")
        why = ""
        for hook in self._hooks:
            try:
                hook.verify(body, wanted, json_parse=False)
            except WebhookVerificationError as error:
                why = str(error)
            except ValueError:
                # No list of "version,base64", or no UTF-8: the library lets it through as it is.
                why = "malformed signature or body"
            else:
                return wanted[ID]
        return Unsigned(why.lower())
