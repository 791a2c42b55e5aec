"""What the demo says of each live tick."""

from core.plant import Plant, wiring

from mine_controller.core.model.book import Book
from mine_controller.core.model.state import State
from mine_controller.play.demo import said


def book_of(plant):
    return Book(plant.state, plant.image)


def test_a_live_tick_is_told_by_its_mode():
    plant = Plant(wiring())
    plant.ticks(4)
    assert said(book_of(plant)) == "RUNNING"


def test_a_tick_in_which_no_device_answered_says_that_nothing_is_read():
    plant = Plant(wiring())
    plant.dead = {"foreman mine", *(f"redfish pdu{n}" for n in range(1, 9))}
    plant.dead |= {"roomalert intake", "iotawatt fans", "controlbyweb fans", "power_signal coop"}
    plant.ticks(2)
    assert said(book_of(plant)).endswith(": NOTHING IS READ, no device answers")
    assert "NOTHING IS READ" in said(Book(State()))
