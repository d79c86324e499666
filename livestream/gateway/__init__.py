"""The gateway: the edge where viewers are. It decides nothing; it carries.

    audience.py     every viewer of this process on one epoll set: send, broadcast, close, drain
    door.py         what the audience asks of its owner, and what it hands over
    viewer.py       one slotted object for a connected person
    entrance.py     listening, accepting, the opening handshake
    handshake.py    its bytes
    frames.py       websocket frames in and out
    groups.py       who hears the same broadcasts
    fanout.py       one frame to a whole group, in slices
    lanes.py        who waits, who is skipped
    exits.py        the last bytes of a connection, then its close
    descriptors.py  which object stands behind which descriptor
    limits.py       every bound and its sum
    stats.py        what was counted

Importing this package imports none of them.
"""
