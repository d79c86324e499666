"""Simulated people of a rehearsal: the demo's, who also enter lotteries and pay deposits, and take
whatever the show's author declared as it is.

The demo knows its show and calls every refusal that it did not foresee a fault. Here the show is
somebody's draft: that nobody was invited is a finding for its author, not for the server. So a
refusal is counted, and who cannot get a thing gives it up.

Owns that. Refuses to judge.
"""

from __future__ import annotations

import asyncio
from typing import Any

from livestream.clock import now_ms
from livestream.demo.shopper import Shopper
from livestream.demo.temper import Errand
from livestream.messages import LotteryEnter


class _GivesUpError(Exception):
    """There is no way for this person to get this thing."""


class Guest(Shopper):
    """One person."""

    async def _shop(self, errand: Errand) -> None:
        try:
            await self._heard(lambda: bool(self._drop(errand)) or self._is_over(errand))
            if "lottery" in self._drop(errand):
                await self._try_luck(errand)
            else:
                await super()._shop(errand)
        except _GivesUpError:
            return

    async def _try_luck(self, errand: Errand) -> None:
        """Enter, and buy what is offered."""
        client, drop = self._client, self._drop(errand)
        # This machine's clock, which is the server's or near it; too early is refused, and told.
        opens_in_s = (drop["lottery"]["entries_from_ms"] - now_ms()) / 1_000
        await asyncio.sleep(max(0.0, opens_in_s) + errand.reaction_s)
        reply = await client.ask(LotteryEnter(id=client.new_id(), sku=drop["sku"]))
        if not reply["ok"]:
            self._unexpected("lottery.enter", reply)
        await self._heard(
            lambda: client.purse.offered_of(drop["sku"]) is not None or self._is_over(errand)
        )
        if client.purse.offered_of(drop["sku"]) is not None:
            async with self._hands:
                order = await self._check_out(errand, first=False)
                if order is not None:
                    await self._pay(order, errand.token, lose=False)

    def _unexpected(self, what: str, reply: dict[str, Any]) -> None:
        raise _GivesUpError(f"{what}: {reply['error']['code']}")
