"""`Viewer`: somebody who came to watch."""

from __future__ import annotations

import random

from locust import between, task

from livestream.messages import ChatSend, Like
from loadtest.person import Person

LINES = (
    *("你好", "太美了", "好想要", "刚刚加入", "红盒子!", "祝大家好运"),
    *("Bonsoir", "Which strap is that?", "The dial!", "Hello from Chengdu", "Magnifique"),
)
#: A tunnel, or a change from Wi-Fi to the mobile network.
AWAY_S = (0.2, 2.0)


class Viewer(Person):
    """Joins, watches, chats, taps likes, loses the line and comes back by `epoch` and `since`.

    Does a thing every 2 to 6 seconds, mostly nothing. Refuses to buy. Chat and likes are said once,
    as a good client does: they are not kept by id.
    """

    channel = "viewer"
    wait_time = between(2, 6)

    @task(8)
    def watch(self) -> None:
        """Look at the screen."""

    @task(4)
    def like(self) -> None:
        """Tap a few times."""
        self.say(Like(id=self.new_id(), count=random.randint(1, 12)))

    @task(2)
    def chat(self) -> None:
        """Say something."""
        self.say(ChatSend(id=self.new_id(), text=random.choice(LINES)))

    @task(1)
    def drop_off(self) -> None:
        """Lose the line for a moment; what was announced meanwhile comes with the return."""
        self.cut(random.uniform(*AWAY_S))
