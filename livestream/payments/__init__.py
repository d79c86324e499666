"""Payments: one interface to a provider, and a sandbox that behaves as badly as real ones do.

provider.py   the interface
sandbox.py    a provider for rehearsals, demos and tests
external.py   a provider elsewhere, whose answers are pushed to us
news.py       what it pushes, and the commands that it means
statement.py  that provider's own account of the money, and how the books compare with it
cashier.py    drives the provider from the log, so that no charge or refund is forgotten in a crash
"""
