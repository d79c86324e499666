"""A ledger of a room, as its owner publishes it, for the tests of this folder."""

import time
from typing import Any


def a_ledger(room: str, **changes: Any) -> dict[str, Any]:
    """A room with one drop, two channels and some history."""
    return {
        "room": room,
        "title": "Santos-Dumont",
        "status": "live",
        "seq": 900,
        "epoch": 2,
        "owner": "e-1",
        "at_ms": int(time.time() * 1_000),
        "totals": [
            {
                "currency": "CNY",
                "gross_minor": 8_640_000,
                "refunded_minor": 2_880_000,
                "net_minor": 5_760_000,
            }
        ],
        "takings": [a_row("tmall", 5_760_000, 2_880_000), a_row("wechat", 2_880_000, 0)],
        "drops": [a_drop("santos")],
        "perks": [{"perk_id": "welcome", "name": "A gift", "first_n": 9, "given": 2, "freed": 0}],
        "coupons": {"declared": 1, "held": 1, "redeemed": 3},
        "orders": {
            "placed": 7,
            "paid": 3,
            "expired": 1,
            "refunded": 1,
            "deposited": 2,
            "defaulted": 1,
            "cancelled": 0,
        },
        "holds": {"placed": 8, "open": 3},
        "cards": [],
        "pinned": None,
        "audience": {
            "viewers": 300,
            "peak": 412,
            "joined": 500,
            "left": 200,
            "likes": 9_001,
            "unique": 450,
            "by_channel": {"tmall": 300},
            "gateways": [],
        },
        "chat": {"shown": 10, "skipped": 2, "blocked": 1},
        "actions": [],
        "refusals": {"all_held": 4},
        "engine": {"decisions": 40, "records": 20, "append_ms_last": 0.5},
        **changes,
    }


def a_row(channel: str, gross_minor: int, refunded_minor: int, sku: str = "s1") -> dict[str, Any]:
    """Takings of one SKU through one channel, at CNY 28,800.00 a piece."""
    return {
        "currency": "CNY",
        "sku": sku,
        "channel": channel,
        "gross_minor": gross_minor,
        "refunded_minor": refunded_minor,
        "units_sold": gross_minor // 2_880_000,
        "units_refunded": refunded_minor // 2_880_000,
        "deposits_minor": 1_000,
        "deposits_applied_minor": 500,
        "deposits_forfeited_minor": 300,
        "deposits_refunded_minor": 150,
    }


def a_drop(drop_id: str) -> dict[str, Any]:
    """288 units, of which 3 are held and 3 sold."""
    return {
        "drop_id": drop_id,
        "sku": "s1",
        "title": "Santos",
        "status": "open",
        "supply": 288,
        "price_minor": 2_880_000,
        "currency": "CNY",
        "available": 281,
        "held": 3,
        "sold": 3,
        "withdrawn": 1,
        "perks_awarded": 3,
    }
