"""The demo: a real server, a real show, a crowd of simulated viewers, and a verdict.

    demo.py      start the house, play, show, judge, leave nothing behind
    house.py     the server as a process of its own
    play.py      the order of an evening
    temper.py    who comes, drawn from a seed (pure)
    shopper.py   what a viewer does
    client.py    how it speaks: the published protocol over plain websockets
    purse.py     what it knows of its own orders
    witness.py   what everybody together was told
    verdict.py   that, held against the log
    result.py    the numbers · screen.py  how they look

Nothing here is known to the server, and of the server only the public protocol and the control API
are used; the auditor also reads the log.
"""

from livestream.demo.demo import run_demo
from livestream.demo.play import Options, play
from livestream.demo.result import DemoResult

__all__ = ["DemoResult", "Options", "play", "run_demo"]
