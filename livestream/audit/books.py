"""The list of books: double entry by product and by order. Check 13: they balance.

    product   supply      = available + held + sold + withdrawn                        units
    order     ordered     = receivable + lapsed + captured - returned                  minor units
              kept        = captured - returned - refunded

Every fact that moves units or money is posted twice, out of one account and into another, so each
book must come to nothing; no account may be overdrawn; and what stands in a book must be what the
single holds and orders behind it add up to.

Owns the two books and their balance. Refuses to know limits, perks and prices, and to correct
anything: what the log says is posted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, get_args

from msgspec import Struct, field
from rich.console import Group, RenderableType
from rich.table import Table

from cart import events
from cart.money import Currency, format_minor
from livestream.audit.check import Check, Rule, after, before
from livestream.audit.evidence import Evidence
from livestream.audit.ledger import DropAccount, Ledger, OrderAccount

#: Orders written out one by one in the table: those that wait, and those that do not balance. All
#: of them are in the JSON.
_ORDERS_TOLD_MAX: Final = 40


class ProductBook(Struct):
    """Units of one SKU, over all its drops."""

    sku: str
    supply: int = 0
    available: int = 0
    held: int = 0
    sold: int = 0
    withdrawn: int = 0

    def balances(self) -> bool:
        """Whether every unit supplied is in exactly one account."""
        columns = (self.available, self.held, self.sold, self.withdrawn)
        return min(columns) >= 0 and sum(columns) == self.supply


class OrderBook(Struct):
    """Money of one order, or of many added up, in minor units of one currency."""

    order_id: str
    currency: Currency
    #: What the buyer owes or owed for it.
    ordered: int = 0
    #: Not paid yet, and still waited for.
    receivable: int = 0
    #: Not paid and no longer waited for.
    lapsed: int = 0
    #: Taken by the provider.
    captured: int = 0
    #: Captured, and sent back because it bought nothing.
    returned: int = 0
    #: Captured, kept for a while, and given back: by the host, or a deposit by its terms.
    refunded: int = 0

    @property
    def kept(self) -> int:
        """What is left with the merchant."""
        return self.captured - self.returned - self.refunded

    def balances(self) -> bool:
        """Whether every fen ordered is in exactly one account, and none is overdrawn."""
        accounts = (self.receivable, self.lapsed, self.captured, self.returned, self.refunded)
        spoken_for = self.receivable + self.lapsed + self.captured - self.returned
        return min(*accounts, self.kept) >= 0 and self.ordered == spoken_for

    def add(self, other: OrderBook) -> None:
        """Enter another book's balances into this one."""
        for name in ("ordered", "receivable", "lapsed", "captured", "returned", "refunded"):
            setattr(self, name, getattr(self, name) + getattr(other, name))

    def accounts(self) -> str:
        """The balances, in words."""
        return (
            f"{self.ordered} ordered; {self.receivable} receivable, {self.lapsed} lapsed, "
            f"{self.captured} captured, {self.returned} returned, {self.refunded} refunded"
        )


class ListOfBooks(Struct, frozen=True):
    """All books of a room as they stood at the end of the log."""

    products: list[ProductBook]
    orders: list[OrderBook]
    #: The books of all orders of one currency, added up.
    totals: list[OrderBook] = field(default_factory=list)

    def __rich__(self) -> RenderableType:
        return Group(self._products(), self._orders())

    def _products(self) -> RenderableType:
        table = Table(title="units", title_justify="left", show_edge=False, pad_edge=False)
        table.add_column("product")
        for name in ("supply", "available", "held", "sold", "withdrawn", ""):
            table.add_column(name, justify="right")
        for book in self.products:
            units = (book.supply, book.available, book.held, book.sold, book.withdrawn)
            table.add_row(book.sku, *(f"{n:,}" for n in units), _verdict(book))
        return table

    def _orders(self) -> RenderableType:
        table = Table(title="money", title_justify="left", show_edge=False, pad_edge=False)
        table.add_column("order", no_wrap=True)
        for name in (
            *("ordered", "receivable", "lapsed", "captured", "returned", "refunded", "kept"),
            "",
        ):
            table.add_column(name, justify="right")
        open_ones = [book for book in self.orders if book.receivable or not book.balances()]
        for book in [*open_ones[:_ORDERS_TOLD_MAX], *self.totals]:
            money = (
                *(book.ordered, book.receivable, book.lapsed, book.captured, book.returned),
                *(book.refunded, book.kept),
            )
            table.add_row(book.order_id, *(_plain(n, book.currency) for n in money), _verdict(book))
        return table


def _plain(amount_minor: int, currency: Currency) -> str:
    """The amount without its currency, which stands in the row of the total."""
    return format_minor(amount_minor, currency).removeprefix(f"{currency} ")


def _verdict(book: ProductBook | OrderBook) -> str:
    return "balances" if book.balances() else "DOES NOT BALANCE"


class BooksBalance(Check):
    """Rule 13."""

    rule = Rule(
        13,
        "the books balance",
        "double entry by product and by order comes to nothing, and no account is overdrawn",
    )

    def __init__(self, ledger: Ledger, evidence: Evidence) -> None:
        super().__init__(ledger, evidence)
        self._products: dict[str, ProductBook] = {}
        self._orders: dict[str, OrderBook] = {}
        #: Columns of each drop when its units were last posted.
        self._posted: dict[str, tuple[int, ...]] = {}

    # -- units ---------------------------------------------------------------------------------

    @after(*get_args(events.CounterEvent))
    def units_move_from_one_account_to_another(self, fact: object) -> Iterator[str]:
        for drop in self.ledger.touched:
            columns = (drop.supplied, drop.available, drop.held, drop.sold, drop.withdrawn)
            before = self._posted.get(drop.terms.drop_id, (0, 0, 0, 0, 0))
            if columns == before:
                continue
            self._posted[drop.terms.drop_id] = columns
            book = self._products.setdefault(drop.terms.sku, ProductBook(drop.terms.sku))
            supply, *moved = (now - then for now, then in zip(columns, before, strict=True))
            book.supply += supply
            book.available += moved[0]
            book.held += moved[1]
            book.sold += moved[2]
            book.withdrawn += moved[3]
            if sum(moved) != supply:
                yield f"what moves in {book.sku} is posted once only: {moved} of {supply} supplied"
            elif not book.balances():
                yield f"the book of {book.sku} does not balance: {drop.columns()}"

    # -- money ---------------------------------------------------------------------------------

    @before(events.OrderPlaced)
    def ordered(self, fact: events.OrderPlaced) -> Iterator[str]:
        book = self._orders.setdefault(fact.order_id, OrderBook(fact.order_id, fact.currency))
        book.ordered += fact.total_minor
        book.receivable += fact.total_minor
        yield from ()

    @before(events.OrderExpired)
    def lapsed(self, fact: events.OrderExpired) -> Iterator[str]:
        if book := self._orders.get(fact.order_id):
            book.lapsed += book.receivable
            book.receivable = 0
        yield from ()

    @before(events.OrderPaid)
    def captured(self, fact: events.OrderPaid) -> Iterator[str]:
        book = self._orders.get(fact.order_id)
        payment = self.ledger.payments.get(fact.payment_id)
        if book is None or payment is None:
            return
        book.captured += payment.amount_minor
        if fact.late:
            book.lapsed -= payment.amount_minor
        else:
            book.receivable -= payment.amount_minor
        yield from self._paid_in_full(book)

    @before(events.DepositPaid)
    def deposited(self, fact: events.DepositPaid) -> Iterator[str]:
        book = self._orders.get(fact.order_id)
        payment = self.ledger.payments.get(fact.payment_id)
        if book is None or payment is None:
            return
        if fact.late:
            book.receivable += book.lapsed
            book.lapsed = 0
        book.captured += payment.amount_minor
        book.receivable -= payment.amount_minor
        if not book.balances():
            yield f"order {book.order_id} has a deposit, and its book says {book.accounts()}"

    @before(events.OrderDefaulted)
    def defaulted(self, fact: events.OrderDefaulted) -> Iterator[str]:
        if book := self._orders.get(fact.order_id):
            book.lapsed += book.receivable
            book.receivable = 0
            if not fact.forfeited:
                book.refunded += fact.amount_minor
            if not book.balances():
                yield f"order {book.order_id} defaults, and its book says {book.accounts()}"

    @before(events.OrderCancelled)
    def cancelled(self, fact: events.OrderCancelled) -> Iterator[str]:
        if book := self._orders.get(fact.order_id):
            book.lapsed += book.receivable
            book.receivable = 0
            book.refunded += fact.amount_minor
            if not book.balances():
                yield f"order {book.order_id} is cancelled, and its book says {book.accounts()}"

    def _paid_in_full(self, book: OrderBook) -> Iterator[str]:
        if book.receivable or book.lapsed or not book.balances():
            yield f"order {book.order_id} is paid, and its book says {book.accounts()}"

    @before(events.PaymentReturned)
    def returned(self, fact: events.PaymentReturned) -> Iterator[str]:
        if book := self._orders.get(fact.order_id):
            if fact.currency == book.currency:
                book.captured += fact.amount_minor
                book.returned += fact.amount_minor
            if not book.balances():
                yield f"order {book.order_id} has money back, and its book says {book.accounts()}"

    @before(events.OrderRefunded, events.OrderRefundedPartly)
    def refunded(self, fact: events.OrderRefunded | events.OrderRefundedPartly) -> Iterator[str]:
        if book := self._orders.get(fact.order_id):
            book.refunded += fact.amount_minor
            if not book.balances():
                yield f"order {book.order_id} is refunded, and its book says {book.accounts()}"

    # -- the end -------------------------------------------------------------------------------

    def log_ends(self) -> Iterator[str]:
        yield from self._control_accounts()
        for order_id, order in self.ledger.orders.items():
            book = self._orders.get(order_id)
            if book is None or not book.balances() or not _stands_as(book, order):
                told = "is missing" if book is None else f"says {book.accounts()}"
                yield f"the book of order {order_id}, which is {order.status}, {told}"

    def _control_accounts(self) -> Iterator[str]:
        """What is held and sold by the books, beside the holds and orders that make it up."""
        held: dict[str, int] = {}
        for hold in self.ledger.holds.values():
            if hold.reserved:
                held[hold.drop_id] = held.get(hold.drop_id, 0) + hold.quantity
        for drop_id, drop in self.ledger.drops.items():
            if drop.held != held.get(drop_id, 0):
                yield (
                    f"{drop.held} units of drop {drop_id} are held by its book, "
                    f"{held.get(drop_id, 0)} by the holds"
                )
        yield from self._sold(self.ledger.drops.values())

    def _sold(self, drops: Iterable[DropAccount]) -> Iterator[str]:
        sold: dict[str, int] = {}
        for order in self.ledger.orders.values():
            if order.status == "paid":
                for drop_id, units in order.units_left().items():
                    sold[drop_id] = sold.get(drop_id, 0) + units
        for drop in drops:
            by_orders = sold.get(drop.terms.drop_id, 0)
            if drop.sold != by_orders:
                yield (
                    f"{drop.sold} units of drop {drop.terms.drop_id} are sold by its book, "
                    f"{by_orders} by the paid orders"
                )

    def list_of_books(self) -> ListOfBooks:
        """Every book as it stands."""
        totals: dict[Currency, OrderBook] = {}
        for book in self._orders.values():
            name = f"all {book.currency}"
            totals.setdefault(book.currency, OrderBook(name, book.currency)).add(book)
        return ListOfBooks(
            list(self._products.values()), list(self._orders.values()), list(totals.values())
        )


def _stands_as(book: OrderBook, order: OrderAccount) -> bool:
    """Whether the book says of the order what its status says."""
    match order.status:
        case "placed":
            return book.receivable == book.ordered
        case "expired":
            return book.lapsed == book.ordered
        case "paid":
            return book.kept == order.minor_left()
        case "refunded":
            return book.kept == 0
        case "deposited":
            return book.kept == order.deposit_minor == book.ordered - book.receivable
        case "cancelled":
            return book.kept == 0 and book.lapsed == book.ordered - order.deposit_minor
        case "defaulted":
            unpaid = book.ordered - order.deposit_minor
            return book.kept in (0, order.deposit_minor) and book.lapsed == unpaid
