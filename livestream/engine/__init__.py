"""The engine: one owner for each room, which decides, persists and announces.

process.py   which rooms this process owns; the entry point `run`
roster.py    which rooms need an owner, and which rest
rest.py      when a room may be put to rest
owner.py     the loop: read the inbox, decide, commit
turn.py      what one round of that loop decides, as a value
traced.py    the same loop, with a trace for each checkout
keeper.py    what is kept beside the log: snapshot, storefront, ledger
imprint.py   a large state encoded aside, by a forked child
company.py   chat and audience: what is carried beside the log
mixer.py     chat lines to chat frames, and the history for newcomers
pulse.py     counts of the gateways to the pulse
recent.py    the worst of the last seconds, the growth of the last minute
ledger.py    the desk's numbers, from the room's state
progress.py  the part of them that tells how far the drops are
collector.py the cyclic garbage collector, worked by hand
"""
