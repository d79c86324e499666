"""Where a request comes from, and how much may come from there."""

from __future__ import annotations

from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livestream.gateway import addresses
from livestream.gateway.addresses import GUESTS_BURST, GUESTS_PER_S, Addresses
from livestream.gateway.door import HandshakeRequest

TRUSTED = [ip_network("10.0.0.0/8"), ip_network("fc00::/7")]


def request(peer: str, forwarded: str | None = None) -> HandshakeRequest:
    headers = {} if forwarded is None else {"x-forwarded-for": forwarded}
    return HandshakeRequest("/live/room", "", headers, peer)


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # anybody can claim anything
        ("10.0.0.1", "203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "198.51.100.1, 203.0.113.7", "203.0.113.7"),
        ("10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("::ffff:203.0.113.7", None, "203.0.113.7"),
        ("fd00::1", "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", None, "2001:db8:1:2::/64"),
        ("10.0.0.1", None, None),
        ("10.0.0.1", "10.0.0.2", None),
        ("10.0.0.1", "unknown", None),
        ("", None, None),
    ],
)
def test_an_address_is_the_last_one_that_somebody_trusted_has_seen(
    peer: str, forwarded: str | None, address: str | None
) -> None:
    assert Addresses(TRUSTED).address_of(request(peer, forwarded)) == address


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_header_can_raise(peer: str, forwarded: str) -> None:
    Addresses(TRUSTED).admits(request(peer, forwarded), 0)


def test_a_budget_is_a_burst_and_then_a_rate_for_each_address() -> None:
    budget = Addresses(TRUSTED)
    assert all(budget.admits(request("203.0.113.7"), 0) for _ in range(GUESTS_BURST))
    assert not budget.admits(request("203.0.113.7"), 0)
    assert budget.admits(request("203.0.113.8"), 0)
    admitted = sum(budget.admits(request("203.0.113.7"), 1_000_000) for _ in range(1_000))
    assert admitted == GUESTS_PER_S


def test_proxies_without_a_word_about_others_have_no_budget() -> None:
    budget = Addresses(TRUSTED)
    assert all(budget.admits(request("10.0.0.1"), 0) for _ in range(2 * GUESTS_BURST))
    assert len(budget) == 0


def test_however_many_addresses_come_only_so_many_are_remembered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(addresses, "ADDRESSES_MAX", 3)
    budget = Addresses(TRUSTED)
    for number in range(10):
        budget.admits(request(f"203.0.113.{number}"), 0)
    assert len(budget) == 3
