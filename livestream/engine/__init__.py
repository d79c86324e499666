"""The engine: one owner for each room, which decides, persists and announces.

lease.py     who owns a room, and for how long
owner.py     the loop: read the inbox, decide, commit, keep snapshots
mixer.py     chat lines to chat frames, and the history for newcomers
pulse.py     counts of the gateways to the pulse
ledger.py    the desk's numbers, from the room's state
process.py   which rooms this process owns; the entry point `run`
"""
