"""What an idle viewer weighs in a whole gateway: identity, limits, lists, directory and all.

    python -m loadtest.bench.weight [--viewers 15000]

Owns a private server with one gateway, and viewers who join it with tickets of their own and say
nothing. Counts what the gateway process has for itself, which is what it would not share with any
number of siblings: at rest, with the first third of the viewers, with all of them, and after a card
and some chat, for whatever runs for the first time copies pages that were shared until then.

Refuses to count the kernel's part: `loadtest` does, with both ends.

Writes var/bench/weight.json.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from livestream import wire
from livestream.tickets import Ticket, issue_ticket
from loadtest import frames, machine
from loadtest.bench import fanout_crowd, report
from loadtest.bench.processes import say
from loadtest.private import Server, serving

ROOM: Final = "bench"
PULSE_MS: Final = 1_000
#: For a gateway to do each of the things that it does once a second, and to be told of the room.
REST_S: Final = 3.0
TALKERS: Final = 100
CARD: Final = {"title": "A watch", "sku": "watch", "price_minor": 100, "currency": "CNY"}
#: Of each idle viewer, everything included.
BYTES_MARK: Final = report.Mark("most", 600)


class Desk:
    """The host's side."""

    def __init__(self, server: Server) -> None:
        self._url = f"{server.address('control_url')}/api/v1/rooms"
        self._headers = {
            "Authorization": f"Bearer {server.token()}",
            "Content-Type": "application/json",
        }

    def ask(self, method: str, path: str, body: dict[str, Any] | None = None) -> None:
        """Do something to the room, or below it.

        Raises:
            urllib.error.HTTPError: it was refused.
        """
        data = json.dumps(body or {}).encode()
        request = urllib.request.Request(self._url + path, data, self._headers, method=method)
        urllib.request.urlopen(request).close()


def requests(secret: str, viewers: int) -> Iterator[bytes]:
    """Handshakes of as many viewers, each with a ticket of its own."""
    until_ms = (int(time.time()) + 3_600) * 1_000
    for number in range(viewers):
        who = Ticket(f"viewer-{number}", ROOM, "wechat", f"Viewer {number}", until_ms + number)
        path = f"/live/{ROOM}?ticket={issue_ticket(secret, who)}"
        yield frames.upgrade_request("127.0.0.1", path, frames.new_key())


def measure(viewers: int) -> dict[str, Any]:
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory), 1, PULSE_MS) as server,
    ):
        gateway = machine.children(server.pid)[-1]

        def own() -> int:
            time.sleep(REST_S)
            return machine.memory_of(gateway, "Private_Clean", "Private_Dirty")

        desk = Desk(server)
        desk.ask("POST", "", {"room": ROOM, "title": "A bench"})
        desk.ask("POST", f"/{ROOM}/start")
        port = urlsplit(server.address("gateway_url")).port
        assert port is not None, "it is our own"
        crowd = fanout_crowd.Crowd(port, requests(server.secret(), viewers))
        at_rest = own()
        third = viewers // 3
        say(f"{viewers:,} viewers join")
        took_s = crowd.join(third)
        with_a_third = own()
        took_s += crowd.join(viewers - third)
        with_all = own()
        desk.ask("PUT", f"/{ROOM}/cards/watch", CARD)
        desk.ask("PUT", f"/{ROOM}/pin", {"card_id": "watch"})
        crowd.say(frames.text(wire.encode({"id": "1", "type": "chat.send", "text": "hi"})), TALKERS)
        after_a_while = own()
        crowd.leave()
    return {
        "command": "python -m loadtest.bench.weight",
        "viewers": viewers,
        "gateway_bytes_at_rest": at_rest,
        "viewer_bytes": (with_all - at_rest) / viewers,
        "another_viewer_bytes": (with_all - with_a_third) / (viewers - third),
        "viewer_bytes_after_a_while": (after_a_while - at_rest) / viewers,
        "joins_per_s": viewers / took_s,
    }


def figures(document: dict[str, Any]) -> list[report.Figure]:
    """The document as lines of the table."""
    return [
        report.Figure(
            f"an idle viewer in a whole gateway of {document['viewers']:,}",
            document["viewer_bytes"],
            "bytes",
            mark=BYTES_MARK,
        ),
        report.Figure("  one more", document["another_viewer_bytes"], "bytes"),
        report.Figure(
            "  after a card and some chat",
            document["viewer_bytes_after_a_while"],
            "bytes",
            mark=BYTES_MARK,
        ),
        report.Figure(
            "a gateway before the first viewer, without what it shares",
            document["gateway_bytes_at_rest"] / 2**20,
            "MiB",
        ),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description="What an idle viewer weighs in a whole gateway.")
    parser.add_argument("--viewers", type=int, default=15_000)
    options = parser.parse_args()
    machine.descriptors_max()
    document = measure(options.viewers)
    report.write("weight", document)
    print(report.table(figures(document)))


if __name__ == "__main__":
    main()
