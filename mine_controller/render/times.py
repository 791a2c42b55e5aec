"""Plant time to wall time: one anchor, the clock of the last image. Pure."""

from mine_controller.core.model.book import Book
from mine_controller.core.model.clock import Clock
from mine_controller.record import NamedTuple


class Moments(NamedTuple):
    """`clock` None: no tick has seen anything yet, so no plant time means anything."""

    clock: Clock | None
    now_s: int  # wall time at which the page is made

    def wall(self, plant_s: int | None) -> int | None:
        """Wall time of a plant time; None for never."""
        if self.clock is None or plant_s is None:
            return None
        return self.clock.wall_s - self.clock.plant_s + plant_s

    def age_s(self, plant_s: int | None) -> int | None:
        """Seconds from a plant time until now; None when it never was (0 stands for never in the image)."""
        if self.clock is None or not plant_s:
            return None
        return max(0, self.now_s - self.clock.wall_s + self.clock.plant_s - plant_s)

    @property
    def tick_at(self) -> int | None:
        """When the last image was made."""
        return self.clock.wall_s if self.clock is not None else None


def moments(book: Book, now_wall_s: int) -> Moments:
    """The anchor of this book."""
    return Moments(book.image.clock if book.image is not None else None, now_wall_s)
