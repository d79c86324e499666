"""How a demo looks: addresses at the start, a live panel while it runs, the numbers at the end.

On a terminal one panel is redrawn in place; elsewhere there is a plain line every few seconds.
Owns words and layout. Refuses to know where the numbers come from.
"""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from cart.money import format_minor
from livestream.demo.play import Options, Progress
from livestream.demo.result import DemoResult
from livestream.serve import Addresses
from livestream.show.runner import Played

PLAIN_EVERY_S = 5.0
CUES_SHOWN = 6
FINDINGS_SHOWN = 20


class TerminalScreen:
    """Shows a demo on a console; use as a context manager around the run."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live: Live | None = None
        self._cues: list[str] = []
        self._progress: Progress | None = None
        self._next_plain_s = float("-inf")

    # -- before --------------------------------------------------------------------------------

    def open(self, options: Options, addresses: Addresses, directory: Path) -> None:
        """Where to look."""
        show = options.show
        say = self._say
        say(f"\n{show.title}\n", style="bold")
        say(f"  panel    {addresses.control_url}/#token={options.token}")
        say(f"  watch    {addresses.control_url}/watch/{options.room}")
        say(f"  metrics  {addresses.control_url}/metrics")
        say(f"  logs     {directory / 'serve.log'}   (everything this run writes is beside it)")
        say(f"  crowd    {options.viewers} viewers, --seed {options.seed}")
        say(f"  length   {show.duration_ms / 1_000:.0f} s\n")

    # -- while it runs -------------------------------------------------------------------------

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def cue(self, step: Played) -> None:
        """The host did something."""
        line = str(step)
        self._cues.append(line)
        if self._live is None:
            self._say(line)
        else:
            self._draw()

    def progress(self, progress: Progress) -> None:
        """A moment later."""
        self._progress = progress
        if self._live is not None:
            self._draw()
        elif progress.at_s >= self._next_plain_s:
            self._next_plain_s = progress.at_s + PLAIN_EVERY_S
            self._say(_plain(progress))

    def _draw(self) -> None:
        if self._live is not None and self._progress is not None:
            self._live.update(_panel(self._progress, self._cues[-CUES_SHOWN:]))

    # -- after ---------------------------------------------------------------------------------

    def close(self, result: DemoResult) -> None:
        """What came of it."""
        self._say("")
        self._console.print(_numbers(result))
        self._say("")
        self._console.print(_latencies(result))
        self._say("")
        self._say(result.audit.rstrip() + "\n")
        for finding in result.findings[:FINDINGS_SHOWN]:
            self._say(f"  {finding}", style="red")
        if len(result.findings) > FINDINGS_SHOWN:
            self._say(f"  and {len(result.findings) - FINDINGS_SHOWN} more", style="red")
        if result.clean:
            self._say("All that viewers were told is in the log, to the fen.", style="bold green")
        else:
            self._say("This must not be. Please keep the directory above.", style="bold red")

    def say(self, text: str) -> None:
        """A line beside the demo itself."""
        self._say(text)

    def _say(self, text: str, style: str = "") -> None:
        # Addresses are for copying: never wrapped, never decorated.
        self._console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)


# -- one moment --------------------------------------------------------------------------------


def _panel(progress: Progress, cues: list[str]) -> RenderableType:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim", width=9)
    table.add_column()
    for name, value in _facts(progress):
        table.add_row(name, value)
    for drop in _drops(progress):
        bar = ProgressBar(total=drop["supply"], completed=drop["sold"], width=40)
        words = f"{drop['title']}: {drop['sold']} of {drop['supply']}, {drop['status']}"
        table.add_row("drop", Group(Text(words), bar))
    said = Text("\n".join(cues), style="dim", no_wrap=True, overflow="ellipsis")
    return Panel(Group(table, Text(), said), title="live", title_align="left")


def _plain(progress: Progress) -> str:
    facts = ", ".join(f"{name} {value}" for name, value in _facts(progress))
    sold = ", ".join(f"{d['drop_id']} {d['sold']}/{d['supply']}" for d in _drops(progress))
    return f"         {facts}{f', sold {sold}' if sold else ''}"


def _facts(progress: Progress) -> list[tuple[str, str]]:
    time = f"{progress.at_s:.0f} of {progress.duration_s:.0f} s"
    if progress.at_s < 0:
        time = f"begins in {-progress.at_s:.0f} s"
    elif progress.at_s > progress.duration_s:
        time = "over, and everybody leaves"
    facts = [("time", time)]
    facts.append(("viewers", f"{progress.here}"))
    ledger = progress.ledger
    if ledger is not None:
        orders = ledger["orders"]
        facts.append(("orders", f"{orders['placed']} placed {orders['paid']} paid"))
        facts.append(("GMV", _money({t["currency"]: t["gross_minor"] for t in ledger["totals"]})))
    return facts


def _drops(progress: Progress) -> list[dict[str, Any]]:
    return progress.ledger["drops"] if progress.ledger is not None else []


def _money(amounts: Any) -> str:
    return " + ".join(format_minor(minor, currency) for currency, minor in amounts.items()) or "0"


# -- the end -----------------------------------------------------------------------------------


def _numbers(result: DemoResult) -> Table:
    table = Table.grid(padding=(0, 2))
    table.add_column(style="dim")
    table.add_column()
    table.add_row(
        "viewers",
        f"{result.viewers}, at most {result.peak} at once, {result.connections} connections",
    )
    table.add_row(
        "lines lost",
        f"{result.resumed} resumed without a gap, {result.started_anew} began anew, "
        f"{result.repeated} commands sent again by id",
    )
    table.add_row(
        "delivered",
        f"{result.delivered:,} messages, {result.delivered_bytes / 1e6:.1f} MB, "
        f"{result.public_frames} public frames",
    )
    orders = result.orders
    table.add_row(
        "orders", f"{orders['placed']} placed, {orders['paid']} paid, {orders['expired']} expired"
    )
    if result.refused:
        refused = sorted(result.refused.items(), key=lambda item: -item[1])
        table.add_row("refused", ", ".join(f"{code} {count}" for code, count in refused))
    table.add_row("GMV", _money(result.gross))
    for drop in result.drops:
        told = f"{drop.title}: {drop.sold} of {drop.supplied} ({drop.wanted} wanted)"
        for perk in drop.perks:
            told += f"; {perk.name}: {perk.given} of {perk.first_n}"
        if not drop.enough:
            told += "; the crowd is too small to buy all of it"
        table.add_row("sold", told)
    return table


def _latencies(result: DemoResult) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), title_justify="left", header_style="dim")
    for column in ("latency at the client", "p50 ms", "p99 ms", "samples"):
        table.add_column(column, justify="left" if column.startswith("latency") else "right")
    for name, latency in (
        ("drop.opened, from decision to screen", result.arrival),
        ("checkout to reply", result.checkout),
        ("cart.add to order.paid", result.add_to_paid),
    ):
        table.add_row(name, _ms(latency.p50_ms), _ms(latency.p99_ms), str(latency.count))
    return table


def _ms(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"
