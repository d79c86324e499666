"""Calls about certificates: the buyer's and the desk's copies, the public check, the keys.

Owns what a certificate stands for now: the books of its room have the last word. Refuses to know
how one is signed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Final

from cart.books import Books
from cart.drop import Drop
from cart.edition import Edition
from cart.order import Order
from livestream import keys
from livestream.certificates import Certificate, NotGenuine
from livestream.control.context import Answer, Call, Control
from livestream.control.problems import Problem, not_found
from livestream.control.views import CertificateCheck, CertificateList, IssuedCertificate

DAY_MS: Final = 86_400_000
#: Certificates between two looks at other requests: 50 x 100 us = 5 ms. An order has at most
#: 16 lines x 100 units.
SIGNED_PER_SLICE: Final = 50


async def show_keys(control: Control, call: Call) -> Answer | Problem:
    """The keys with which anybody can check a certificate, as a JWK Set (RFC 7517)."""
    return Answer(control.certificates.public(), headers={"Cache-Control": "public, max-age=300"})


async def list_for_desk(control: Control, call: Call) -> Answer | Problem:
    """The certificates of an order."""
    return await _certificates(control, call, viewer=None)


async def list_for_viewer(control: Control, call: Call) -> Answer | Problem:
    """The certificates of an order, for its buyer: with the ticket for the room as the bearer."""
    assert call.ticket is not None, "the route is for viewers"
    return await _certificates(control, call, call.ticket.viewer)


async def _certificates(control: Control, call: Call, viewer: str | None) -> Answer | Problem:
    state = (await control.books.of(call.room)).state
    books = state.books
    order = books.orders.get(call.path["order_id"])
    if order is None or (viewer is not None and order.viewer != viewer):
        return not_found(f"no order {call.path['order_id']}")
    issued: list[IssuedCertificate] = []
    # A rehearsal numbers its units as an evening does, but nobody owns one.
    editions = () if state.sandbox else _editions(books, order)
    for drop, edition in editions:
        until_ms = _guarantee_until_ms(drop, edition)
        for number in edition.numbers:
            certificate = certificate_of(call.room, drop, order.order_id, edition, number)
            issued.append(
                {
                    "drop_id": certificate.drop,
                    "sku": certificate.sku,
                    "title": certificate.title,
                    "number": number,
                    "of": certificate.of,
                    "issued_at_ms": edition.at_ms,
                    "guarantee_until_ms": until_ms,
                    "certificate": control.certificates.sign(certificate),
                }
            )
            if len(issued) % SIGNED_PER_SLICE == 0:
                await asyncio.sleep(0)
    body: CertificateList = {"order_id": order.order_id, "certificates": issued}
    return Answer(body)


def _editions(books: Books, order: Order) -> Iterator[tuple[Drop, Edition]]:
    for drop_id in dict.fromkeys(line.drop_id for line in order.lines):
        drop = books.drops[drop_id]
        edition = drop.editions.given.get(order.order_id)
        if edition is not None:
            yield drop, edition


def certificate_of(
    room: str, drop: Drop, order_id: str, edition: Edition, number: int
) -> Certificate:
    """The claims for one number that an order has."""
    terms = drop.terms
    return Certificate(
        room=room,
        drop=terms.drop_id,
        sku=terms.sku,
        title=terms.title,
        number=number,
        of=edition.of,
        order=order_id,
        iat=edition.at_ms // 1_000,
    )


def _guarantee_until_ms(drop: Drop, edition: Edition) -> int | None:
    days = drop.terms.guarantee_days
    return edition.at_ms + days * DAY_MS if days else None


async def check(control: Control, call: Call) -> Answer | Problem:
    """Whether a certificate is genuine, whether it still stands, and until when its guarantee
    lasts.
    """
    read = control.certificates.read(call.body.certificate)
    if isinstance(read, NotGenuine):
        forged: CertificateCheck = {"status": "not_genuine", "reason": read.message}
        return Answer(forged)
    body: CertificateCheck = {
        "status": "unlisted",
        "room": read.room,
        "drop_id": read.drop,
        "sku": read.sku,
        "title": read.title,
        "number": read.number,
        "of": read.of,
        "order_id": read.order,
        "issued_at_ms": read.iat * 1_000,
    }
    if not await control.redis.sismember(keys.ROOMS, read.room):
        return Answer(body)
    drop = (await control.books.of(read.room)).state.books.drops.get(read.drop)
    if drop is None:
        return Answer(body)
    edition = drop.editions.given.get(read.order)
    if edition is None or read.number not in edition.numbers:
        body["status"] = "revoked"
        return Answer(body)
    body["status"] = "valid"
    body["issued_at_ms"] = edition.at_ms
    until_ms = _guarantee_until_ms(drop, edition)
    if until_ms is not None:
        body["guarantee_until_ms"] = until_ms
    return Answer(body)
