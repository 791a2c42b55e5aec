"""Reasons that devices give, as letters say them: cut where a word ends."""

from core.plant import Plant, wiring

WHY = "the certificate it shows is not the one that was pinned, " * 4


def test_a_long_why_of_a_silent_device_ends_behind_a_word():
    plant = Plant(wiring(12))
    plant.ticks(4)
    right = plant.readings
    plant.readings = lambda asked: [
        one._replace(value=None, why=WHY) if one.key == "roomalert intake:health" else one for one in right(asked)
    ]
    plant.ticks(6)
    said, *_ = [
        dict(event.reason.numbers)["why"]
        for decision in plant.decisions
        for event in decision.events
        if event.kind == "device_unreachable"
    ]
    assert len(said) <= 120
    assert said.endswith(" ...")
    assert WHY.startswith(said.removesuffix("...")), "it ends behind a word"
