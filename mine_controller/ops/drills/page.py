"""Is somebody reached? An alarm by every channel, until a person acks it."""

from collections.abc import Callable
from typing import Any

from mine_controller.config.model import Config
from mine_controller.ops.drills.scene import LOOK_S, NotTried, Scene, Work
from mine_controller.store import query
from mine_controller.store.answered import waiting

Send = Callable[[Config], dict[str, str]]  # channel -> "" when it took the message, else why not


def page(send: Send, wait_s: int) -> Work:
    """A test by every channel, and somebody's ack by any way. `wait_s` 0: nobody is waited for."""

    def work(scene: Scene, figures: dict[str, Any]) -> bool:
        began_s = scene.now_s
        sent = send(scene.config)
        if not sent:
            raise NotTried("no channel is configured: `minectl config sample telegram` shows one")
        for channel, why in sent.items():
            scene.tell(f"{channel}: {why or 'told'}", good=not why)
        figures["channels"] = {channel: why or "told" for channel, why in sent.items()}
        reached = not any(sent.values())
        if not wait_s or all(sent.values()):
            return reached
        scene.tell(f"waiting {wait_s // 60} min for an ack: `minectl alarms ack drill`, or `/ack drill` in the chat")
        by = _acked(scene, began_s, wait_s)
        figures |= {"acked_by": by or None, "acked_after_s": scene.now_s - began_s if by else None}
        scene.tell(f"acked by {by}" if by else "nobody acked in that time", good=bool(by))
        return reached and bool(by)

    return work


def _acked(scene: Scene, since: int, wait_s: int) -> str:
    for _ in range(max(1, round(wait_s / LOOK_S))):
        for row in query.events(scene.config.paths, kind="request", since=since, limit=50):
            if ": ack" in row.text:
                return row.actor or "somebody"
        for request in waiting(scene.config.paths):
            if request.verb == "ack" and request.at >= since:
                return request.actor or "somebody"
        scene.pause(LOOK_S)
    return ""
