"""Does a copy work? It is restored beside the site, and thrown away."""

from typing import Any

from mine_controller.ops.drills.scene import Scene, Work
from mine_controller.store.db import StoreError


def restore(copy: str) -> Work:
    """A copy put back into a folder of its own, opened as a tick would, counted; nothing of the site is touched."""

    def work(scene: Scene, figures: dict[str, Any]) -> bool:
        from mine_controller.ops import restore as restoring  # noqa: PLC0415 - one drill of four

        try:
            found = restoring.drill(scene.config, copy, scene.now_s, scene.tell)
        except StoreError as error:
            scene.tell(str(error), good=False)
            return False
        rows = sum(after for _table, _was, after, _now in found.rows)
        figures |= {"copy": found.copy.path.name, "rows": rows, "mode": found.mode, "miners": found.miners}
        for trouble in found.troubles:
            scene.tell(trouble, good=False)
        if not found.troubles:
            scene.tell(f"{found.copy.path.name} works: {rows} rows, {found.miners} miners known", good=True)
        return not found.troubles

    return work
