"""The counter of a live room: money, stock, holds, orders and perks, as pure functions.

Nothing in this package reads a clock, opens a socket, awaits or imports anything else of
this project: time is an argument, outcomes are values, and the same events folded in the
same order always give the same counter.
"""
