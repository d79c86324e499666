"""The engine: one owner for each room, which decides, persists and announces.

process.py   which rooms this process owns; the entry point `run`
lease.py     who owns a room, and for how long
owner.py     the loop: read the inbox, decide, commit
turn.py      what one round of that loop decides, as a value
traced.py    the same loop, with a trace for each checkout
keeper.py    what is kept beside the log: snapshot, storefront, ledger
imprint.py   a large state encoded aside, by a forked child
company.py   chat and audience: what is carried beside the log
mixer.py     chat lines to chat frames, and the history for newcomers
pulse.py     counts of the gateways to the pulse
ledger.py    the desk's numbers, from the room's state
collector.py the cyclic garbage collector, worked by hand
health.py    /livez and /metrics of an engine that runs by itself
"""
