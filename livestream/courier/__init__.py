"""The courier: brings what happens to orders to the merchant's systems, as Standard Webhooks.

    log -> letters -> outbox -> post -> the merchant
                        |  ^
       too many failures v  | replay (a call of the API)
                    dead letters

A process of its own, so that a slow receiver slows no decision and no desk; one works, others stand
by (one lease for all). What is taken from the log is written into the outbox in Redis, with the
place in the log, before the first attempt: a courier that is killed leaves to the next one what was
not delivered. So each event arrives at least once, under a name that a repeat keeps, and those of
one order arrive in their order.

    letters.py   what an event says                              (pure)
    outbox.py    per-order queues, back-off, dead letters        (pure)
    store.py     where all of it lies in Redis
    mail.py      one room: what is read, kept and waits
    process.py   the process: lease, reading logs, sending
"""
