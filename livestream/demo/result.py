"""What came out of a demo, as numbers.

Owns the record and how it is gathered from the crowd and the log. Refuses to print.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from livestream.demo.verdict import Truth
from livestream.demo.witness import Witness, percentile


class PerkResult(Struct, frozen=True):
    """One perk of a drop: how many of the first N orders have it."""

    name: str
    given: int
    first_n: int


class DropResult(Struct, frozen=True):
    """One drop. `wanted` is what the crowd meant to buy; `enough` says that it was more than the
    supply, so that everything has to be sold.
    """

    drop_id: str
    title: str
    supplied: int
    sold: int
    wanted: int
    enough: bool
    perks: Sequence[PerkResult]


class Latency(Struct, frozen=True):
    """Milliseconds at the client, over `count` samples; None without any."""

    count: int
    p50_ms: float | None
    p99_ms: float | None

    @classmethod
    def of(cls, samples_ms: Sequence[float]) -> Latency:
        """Of the samples."""
        return cls(len(samples_ms), percentile(samples_ms, 50), percentile(samples_ms, 99))


class DemoResult(Struct, frozen=True):
    """The end of a demo. `findings` is everything that must not be; `audit` the auditor's text."""

    seed: int
    viewers: int
    peak: int
    connections: int
    resumed: int
    started_anew: int
    repeated: int
    delivered: int
    delivered_bytes: int
    orders: Mapping[str, int]
    refused: Mapping[str, int]
    gross: Mapping[str, int]
    drops: Sequence[DropResult]
    arrival: Latency
    checkout: Latency
    add_to_paid: Latency
    public_frames: int
    audit: str
    audit_clean: bool
    findings: Sequence[str]

    @property
    def clean(self) -> bool:
        """The auditor has no finding, and neither has the crowd."""
        return self.audit_clean and not self.findings


def gather_result(
    seed: int,
    viewers: int,
    witness: Witness,
    truth: Truth,
    wanted: Mapping[str, int],
    enough: Mapping[str, bool],
    audit: tuple[str, bool],
    findings: Sequence[str],
) -> DemoResult:
    """Put everything together."""
    books = truth.room.state.books
    drops = []
    for drop_id, drop in books.drops.items():
        drops.append(
            DropResult(
                drop_id=drop_id,
                title=drop.terms.title,
                supplied=drop.stock.supplied,
                sold=drop.stock.sold,
                wanted=wanted.get(drop_id, 0),
                enough=enough.get(drop_id, False),
                perks=[
                    PerkResult(perk.name, len(drop.perks[perk.perk_id].ranks), perk.first_n)
                    for perk in drop.terms.perks
                ],
            )
        )
    text, clean = audit
    return DemoResult(
        seed=seed,
        viewers=viewers,
        peak=witness.peak,
        connections=witness.connections,
        resumed=witness.resumed,
        started_anew=witness.started_anew,
        repeated=witness.repeated,
        delivered=witness.delivered,
        delivered_bytes=witness.bytes,
        orders={
            "placed": books.orders_placed,
            "paid": books.orders_paid,
            "expired": books.orders_expired,
        },
        refused=dict(witness.refused),
        gross=truth.gross,
        drops=drops,
        arrival=Latency.of(witness.arrival_ms),
        checkout=Latency.of(witness.checkout_ms),
        add_to_paid=Latency.of(witness.add_to_paid_ms),
        public_frames=len(truth.frames),
        audit=text,
        audit_clean=clean,
        findings=findings,
    )
