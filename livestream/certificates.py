"""Certificates of authenticity: that number 37 of 200 was sold here, signed, for anybody to check.

A certificate is a JWS (RFC 7515) signed with Ed25519 (RFC 8032; the name of the algorithm is that
of RFC 9864). Whoever has the published keys can check it without asking us, for ever;
what only we can tell is whether it still stands, since a refund revokes it. It names no buyer, so
that it can go with a gift.

The same number of the same order always gives the same certificate, byte for byte: Ed25519 draws no
random numbers, and the claims are facts of the log.

Owns claims, their bounds, signing and reading. Refuses to know where keys are kept, the log, and
HTTP.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet, OKPKey
from msgspec import Meta, Struct

from cart.bounds import SUPPLY_MAX, DropId, OrderId, Sku, Title
from livestream.tickets import RoomId

ALGORITHM: Final = "Ed25519"
#: Said in the header, so that no other token of ours can ever stand for a certificate (RFC 8725,
#: section 3.11).
TYPE: Final = "certificate+jws"

#: Header 140 + payload 4/3 x 2,000 + signature 86 characters, where 2,000 is the JSON of claims at
#: their bounds with a title of 120 characters that JSON escapes with 12 each. Anything longer is
#: not read.
CERTIFICATE_CHARACTERS_MAX = 4_096
#: Published keys: the one that signs, and those before it.
KEYS_MAX = 16

Number = Annotated[int, Meta(ge=1, le=SUPPLY_MAX)]


class Certificate(Struct, frozen=True, gc=False):
    """What is certified: `number` of `of` pieces of a drop was sold with an order of a room. `iat`
    is when it was paid, in seconds since the Unix epoch (RFC 7519, section 4.1.6).
    """

    room: RoomId
    drop: DropId
    sku: Sku
    title: Title
    number: Number
    of: Number
    order: OrderId
    iat: Annotated[int, Meta(ge=0)]


class NotGenuine(Struct, frozen=True, gc=False):
    """Why this is no certificate of ours. One English sentence, safe to show to anybody."""

    message: str


class BadKeysError(Exception):
    """The keys cannot be used; the message says why."""


class CertificateKeys:
    """A set of Ed25519 keys: the first one signs, all of them are published and believed."""

    __slots__ = ("_keys", "_signer")

    def __init__(self, keys: list[OKPKey]) -> None:
        for key in keys:
            key.ensure_kid()
        self._signer = keys[0]
        self._keys = KeySet(list(keys))

    @classmethod
    def parse(cls, text: str) -> CertificateKeys:
        """From a JWK Set (RFC 7517) as JSON. The first key must be a private one; those that only
        check what was signed before may be public.

        Raises:
            BadKeysError: it is not that.
        """
        try:
            listed = msgspec.json.decode(text, type=dict[str, list[dict[str, Any]]])["keys"]
            keys = [OKPKey.import_key(key) for key in listed]
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise BadKeysError(f"not a JWK Set of Ed25519 keys: {error}") from None
        if not 1 <= len(keys) <= KEYS_MAX:
            raise BadKeysError(f"{len(keys)} keys, but there must be 1 to {KEYS_MAX}")
        if any(key.curve_name != "Ed25519" for key in keys):
            raise BadKeysError("a key is not an Ed25519 key")
        if not keys[0].is_private:
            raise BadKeysError("the first key is the one that signs, and it is not a private one")
        return cls(keys)

    def public(self) -> dict[str, Any]:
        """The JWK Set for everybody: no private part is in it."""
        return {
            "keys": [
                {**key.as_dict(private=False), "alg": ALGORITHM, "use": "sig"}
                for key in self._keys.keys
            ]
        }

    def sign(self, certificate: Certificate) -> str:
        """The certificate as a compact JWS."""
        header = {"alg": ALGORITHM, "typ": TYPE, "kid": self._signer.kid}
        payload = msgspec.json.encode(certificate)
        return jws.serialize_compact(header, payload, self._signer, algorithms=[ALGORITHM])

    def read(self, text: str) -> Certificate | NotGenuine:
        """What a certificate says, if one of our keys signed it."""
        if len(text) > CERTIFICATE_CHARACTERS_MAX:
            return NotGenuine("it is longer than any certificate")
        try:
            signed = jws.deserialize_compact(text.strip(), self._keys, algorithms=[ALGORITHM])
        except (JoseError, ValueError, TypeError):
            return NotGenuine("none of our keys signed it as it is")
        if signed.headers().get("typ") != TYPE:
            return NotGenuine("it is signed, and it is not a certificate")
        try:
            return msgspec.json.decode(signed.payload, type=Certificate)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return NotGenuine("it is signed, and it is not a certificate")


def new_keys() -> str:
    """A JWK Set with one new private key, as JSON."""
    key = OKPKey.generate_key("Ed25519", {"use": "sig", "alg": ALGORITHM}, private=True)
    key.ensure_kid()
    return msgspec.json.encode({"keys": [key.as_dict(private=True)]}).decode()
