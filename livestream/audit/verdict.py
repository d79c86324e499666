"""What the auditor says at the end, for people and for machines.

Owns the form of the verdict. Refuses to know how it was come by.
"""

from __future__ import annotations

from datetime import UTC, datetime

from msgspec import Struct
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cart.money import Currency, format_minor
from livestream import wire
from livestream.audit.books import ListOfBooks
from livestream.printed import to_text

#: Findings written out in the table; all that were kept are in the JSON.
_TOLD_MAX = 20


class Finding(Struct, frozen=True):
    """One thing that does not add up: which rule, at which fact of which record, in a sentence."""

    rule: int
    name: str
    record: int
    seq: int
    fact: str
    sentence: str

    def told(self) -> str:
        """For people: which record broke which rule, and how. The record's stream id is its
        address: `XRANGE {room}:log <id> <id>`.
        """
        where = f"record {self.record}-0, seq {self.seq}" + (f", {self.fact}" if self.fact else "")
        return f"{where}: {self.sentence} (rule {self.rule}, {self.name})"


class RuleLine(Struct, frozen=True):
    """How one rule fared: `looked` times it was applied, `found` times it did not hold."""

    number: int
    name: str
    text: str
    looked: int
    found: int
    note: str


class DropLine(Struct, frozen=True):
    """Units of one drop by the auditor's books."""

    drop_id: str
    sku: str
    status: str
    supplied: int
    available: int
    held: int
    sold: int
    withdrawn: int


class MoneyLine(Struct, frozen=True):
    """Takings in one currency, in minor units, by the auditor's books."""

    currency: Currency
    gross_minor: int
    refunded_minor: int
    net_minor: int
    units_sold: int
    units_refunded: int


class Books(Struct, frozen=True):
    """The auditor's books as they stood at the end of the log."""

    records: int
    facts: int
    seq: int
    epochs: int
    first_at_ms: int
    last_at_ms: int
    drops: list[DropLine]
    money: list[MoneyLine]
    holds_placed: int
    holds_open: int
    late_ms_max: int
    orders: dict[str, int]
    payments: dict[str, int]
    perks: dict[str, int]


class Verdict(Struct, frozen=True):
    """Clean, or what was found and where. At most 1,000 findings are kept; `found` counts all."""

    room: str
    clean: bool
    found: int
    findings: list[Finding]
    rules: list[RuleLine]
    books: Books
    list_of_books: ListOfBooks | None = None

    def broken(self) -> set[int]:
        """Numbers of the rules that did not hold."""
        return {line.number for line in self.rules if line.found}

    def to_json(self) -> str:
        """The whole verdict, for machines."""
        return wire.encode_state(self).decode()

    def to_text(self) -> str:
        """The verdict as tables, for people."""
        return to_text(self)

    def __rich__(self) -> RenderableType:
        listed = [] if self.list_of_books is None else [self.list_of_books]
        return Group(
            self._rules(), self._drops(), *listed, *self._money(), *self._told(), self._last()
        )

    def _rules(self) -> RenderableType:
        books = self.books
        title = f"{self.room}: {books.facts:,} facts in {books.records:,} records"
        table = Table(title=title, title_justify="left", show_edge=False, pad_edge=False)
        table.add_column("", justify="right")
        table.add_column("must hold")
        table.add_column("looked", justify="right")
        table.add_column("found", justify="right")
        table.add_column("")
        for line in sorted(self.rules, key=lambda line: line.number):
            style = "bold red" if line.found else ""
            table.add_row(
                str(line.number),
                line.name,
                f"{line.looked:,}",
                f"{line.found:,}",
                line.note,
                style=style,
            )
        return table

    def _drops(self) -> RenderableType:
        table = Table(show_edge=False, pad_edge=False)
        table.add_column("drop")
        for name in ("supplied", "sold", "withdrawn", "held", "available", "perks"):
            table.add_column(name, justify="right")
        table.add_column("status")
        for drop in self.books.drops:
            numbers = (drop.supplied, drop.sold, drop.withdrawn, drop.held, drop.available)
            perks = self.books.perks.get(drop.drop_id)
            table.add_row(
                drop.drop_id,
                *(f"{number:,}" for number in numbers),
                "" if perks is None else f"{perks:,}",
                drop.status,
            )
        return table

    def _money(self) -> list[RenderableType]:
        return [
            Text(
                f"GMV {format_minor(line.gross_minor, line.currency)}, refunded "
                f"{format_minor(line.refunded_minor, line.currency)}, net "
                f"{format_minor(line.net_minor, line.currency)}"
            )
            for line in self.books.money
        ]

    def _told(self) -> list[RenderableType]:
        told: list[RenderableType] = [
            Text(finding.told(), style="red") for finding in self.findings[:_TOLD_MAX]
        ]
        if self.found > _TOLD_MAX:
            told.append(Text(f"and {self.found - _TOLD_MAX:,} more", style="red"))
        return told

    def _last(self) -> RenderableType:
        books = self.books
        ended = datetime.fromtimestamp(books.last_at_ms / 1000, UTC).isoformat(timespec="seconds")
        if self.clean:
            return Text(f"clean up to seq {books.seq}, {ended}", style="bold green")
        return Text(f"NOT CLEAN: {self.found:,} findings, {ended}", style="bold red")
