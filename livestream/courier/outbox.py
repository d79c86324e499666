"""Letters of one room that wait: a queue for each order, of which only the first is on its way.

    put ----> queue of its order ----> next ----> delivered
                  ^                      |
                  +--- again, later <--- failed ---> bury, with those behind it: dead letters

While an order has dead letters, those that come join them, so that the order of its events is kept
until they are replayed. Other orders go on.

Owns the queues and the schedule of attempts. Pure: time and chance are arguments.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from msgspec import Struct

from livestream.courier.letters import Letter

#: Letters of one room that wait before its log is read on, which then is their queue: 5,000 x about
#: 1.5 KB = 7.5 MB in Redis and as much here, for each room whose receiver is down; with 48 rooms
#: live 720 MB. One record of the log may go over it. An order has at most about 250: 10 attempts to
#: pay with 3 events each, 100 refunds with 2, and what it wins.
WAITING_MAX = 5_000
#: Dead letters of one room before no more are given up: 1,000 x about 1.5 KB = 1.5 MB. What fails
#: then is tried again at the longest distance.
DEAD_MAX = 1_000


class Retry(Struct, frozen=True):
    """When to try again: twice as long each time from `first_ms` to `longest_ms`, of which half is
    drawn by lot; after `attempts_max` failures never. By default over 4 hours.
    """

    first_ms: int = 1_000
    longest_ms: int = 3_600_000
    attempts_max: int = 16

    def delay_ms(self, failures: int, lot: float) -> int:
        """How long to wait after so many failures; `lot` is drawn from [0, 1)."""
        full_ms = min(self.longest_ms, self.first_ms << min(failures - 1, 30))
        return round(full_ms * (0.5 + lot / 2))


class Outbox:
    """All that waits in one room. `dead_orders` counts dead letters by order."""

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self._queues: dict[str, deque[Letter]] = {}
        #: One entry for each order whose first letter is not on its way: (due, place, order).
        self._due: list[tuple[int, int, str]] = []
        self._waiting = 0
        self.dead_orders: dict[str, int] = {}

    @property
    def waiting(self) -> int:
        """Letters that are not delivered yet, those on their way included."""
        return self._waiting

    @property
    def dead(self) -> int:
        """Dead letters."""
        return sum(self.dead_orders.values())

    def oldest_at_ms(self) -> int | None:
        """When the oldest event that waits happened, or None."""
        return min((queue[0].at_ms for queue in self._queues.values()), default=None)

    def is_dead(self, order_id: str) -> bool:
        """Whether letters of this order join its dead ones."""
        return order_id in self.dead_orders

    def put(self, letter: Letter) -> None:
        """A letter behind those of its order."""
        self._waiting += 1
        queue = self._queues.get(letter.order_id)
        if queue is None:
            queue = self._queues[letter.order_id] = deque()
            self._await(letter)
        queue.append(letter)

    def _await(self, letter: Letter) -> None:
        heappush(self._due, (letter.next_ms, letter.number, letter.order_id))

    def next(self, now_ms: int) -> Letter | None:
        """A letter whose turn it is; it is on its way until `delivered`, `failed` or `bury`."""
        if not self._due or self._due[0][0] > now_ms:
            return None
        return self._queues[heappop(self._due)[2]][0]

    def next_due_ms(self) -> int | None:
        """When `next` will have something, or None."""
        return self._due[0][0] if self._due else None

    def delivered(self, letter: Letter) -> None:
        """It arrived; the next of its order may go."""
        self._waiting -= 1
        queue = self._queues[letter.order_id]
        queue.popleft()
        if queue:
            self._await(queue[0])
        else:
            del self._queues[letter.order_id]

    def failed(self, letter: Letter, now_ms: int, error: str, lot: float, wait_ms: int) -> bool:
        """It did not arrive. True if it will be tried again: not before `wait_ms`, if the receiver
        asked for that. False: it is to be buried.
        """
        letter.attempts += 1
        letter.error = error
        behind = len(self._queues[letter.order_id])
        if letter.attempts >= self._retry.attempts_max and self.dead + behind <= DEAD_MAX:
            return False
        delay_ms = self._retry.delay_ms(letter.attempts, lot)
        letter.next_ms = now_ms + max(delay_ms, min(wait_ms, self._retry.longest_ms))
        self._await(letter)
        return True

    def bury(self, letter: Letter) -> list[Letter]:
        """Give up on a letter that failed, and with it on those behind it; all of them."""
        buried = list(self._queues.pop(letter.order_id))
        self._waiting -= len(buried)
        self.joins_dead(letter.order_id, len(buried))
        return buried

    def joins_dead(self, order_id: str, letters: int = 1) -> None:
        """So many more dead letters of an order."""
        self.dead_orders[order_id] = self.dead_orders.get(order_id, 0) + letters

    def revive(self, letters: list[Letter]) -> None:
        """Try all dead letters of an order again, from the first attempt, in their order."""
        for letter in sorted(letters, key=lambda letter: letter.number):
            letter.attempts, letter.next_ms, letter.error = 0, 0, ""
            self.dead_orders.pop(letter.order_id, None)
            self.put(letter)
