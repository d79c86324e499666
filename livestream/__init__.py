"""The engine of a live room that sells: decide, persist, announce.

This package owns the roles (engine, gateway, control), what they say to each other and
to viewers, and the process they live in. What a cart, a hold or an order *is* belongs to
`cart`; what is measured belongs to `metrics`. Importing this package imports nothing else.
"""

__version__ = "0.1.0"
