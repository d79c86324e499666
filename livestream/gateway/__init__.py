"""The gateway: the edge where viewers are. It decides nothing; it carries.

    server.py       the process: wiring, tasks, start and end
    directory.py    which rooms there are, and the tasks of each
    rooms.py        a room's public view, what a returning viewer missed, who is here
    ring.py         the last public frames
    air.py          what reaches a room's view from Redis
    doorkeeper.py   who may come in, and what plain HTTP gets
    addresses.py    how much one address may ask without a ticket
    session.py      what is remembered of a viewer beyond the socket
    conversation.py what viewers say, and what comes of it
    chat.py         what a line of chat may hold
    speakers.py     who spoke lately, over all their connections
    outbox.py       commands on their way to the engine, and their answers
    traced.py       the same, with a trace for each checkout
    counts.py       what is counted of a room
    load.py         how much this process has to do
    reports.py      counts to the engines, numbers to the metrics

    audience.py     every viewer of this process on one epoll set: send, broadcast, close, drain
    door.py         what the audience asks of its owner, and what it hands over
    viewer.py       one slotted object for a connected person
    entrance.py     listening, accepting, the opening handshake
    handshake.py    its bytes
    frames.py       websocket frames in and out
    deflate.py      permessage-deflate: negotiated for each, deflated once for all
    groups.py       who hears the same broadcasts
    fanout.py       one frame to a whole group, in slices
    lanes.py        what each kind of traffic is promised, and a backlog
    stragglers.py   those whose socket is full
    exits.py        the last bytes of a connection, then its close
    descriptors.py  which object stands behind which descriptor
    readiness.py    which of them are ready: told by epoll, or by the loop where there is none
    limits.py       every bound and its sum
    stats.py        what was counted
    complaints.py   what was wrong with what came in, in the log

    echo.py         all of the second half without the first: for conformance suites

Importing this package imports none of them.
"""
