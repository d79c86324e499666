"""A rehearsal: a whole show in a sandbox room, before simulated people, up to 20 times as fast, and
then wiped.

    play.py      the order of it: a room, people, the show, a verdict, nothing left
    words.py     what is told of it, for a terminal
    guests.py    what simulated people do beside what those of the demo do
    __main__.py  the process: a plan comes in, what happens goes out

Everything that the show says takes less time, also holds and payment windows (`Show.faster`), and
the people are as much quicker. They come over real sockets through the gateways; the host speaks
to the control API. Of the server nothing else is used; the auditor also reads the log.
"""

from livestream.rehearsal.play import rehearse
from livestream.rehearsal.words import Words

__all__ = ["Words", "rehearse"]
