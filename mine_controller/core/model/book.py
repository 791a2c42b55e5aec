"""A book: what one tick carries from round to round and the store keeps from tick to tick."""

from mine_controller.core.model.decision import Decision
from mine_controller.core.model.image import Image, Request
from mine_controller.core.model.state import State
from mine_controller.record import NamedTuple


class Book(NamedTuple):
    """`image` None: nothing was ever seen (or a new boot). `died` names a tick that has no end in the record."""

    state: State
    image: Image | None = None
    requests: tuple[Request, ...] = ()
    decision: Decision | None = None
    died: str = ""

    def after(self, image: Image, state: State, decision: Decision) -> "Book":
        """The book after one more round; answered requests are done with."""
        return self._replace(state=state, image=image, decision=decision, requests=())

    def ended(self) -> "Book":
        """The book of a tick that is over: what it would have looked at again, the next one does."""
        return self if self.decision is None else self._replace(decision=self.decision._replace(look=None))
