"""A miner called by its address: who stands there now is meant, not who stood there once."""

import pytest

from mine_controller.ops import miners


@pytest.fixture
def moved(seen, monkeypatch):
    """b01 has fallen silent, and the router has given its address to b02."""
    usual = seen._readings

    def readings():
        return [
            one._replace(value="127.77.1.1") if one.key == f"bitaxe shelf/{mac}:address" else one for one in usual()
        ]

    mac = seen.config.policy.wiring.miners[1].mac
    seen.plant.silent.add("b01")
    monkeypatch.setattr(seen, "_readings", readings)
    seen.ticks(6)
    return seen


def test_the_address_of_a_silent_miner_that_another_has_now_means_the_other(moved):
    rows = {row["id"]: row["address"] for row in miners.miners(moved.config).rows}
    assert rows["b02"] == "127.77.1.1"
    assert rows["b01"] is None
    dry = moved.run("miners", "restart", "127.77.1.1", "--dry-run")
    assert "Would ask 1 of 1 to restart: b02" in dry.output


def test_a_silent_miner_is_still_called_by_the_address_it_had(seen):
    seen.plant.silent.add("b01")
    seen.ticks(6)
    assert miners.miners(seen.config).rows[0]["address"] == "127.77.1.1"
    assert "restart: b01" in seen.run("miners", "restart", "127.77.1.1", "--dry-run").output


def test_the_address_where_a_unit_answers_that_nobody_listed_is_no_miners_any_more(seen, monkeypatch):
    """A replaced board: `miners show b01` gave the address of the one in its place."""
    usual, group = seen._readings, "bitaxe shelf"
    listed = [*usual()]
    place = next(one for one in listed if one.value == "127.77.1.1")
    other = place._replace(key=f"{group}/02:11:22:33:44:99:address")
    seen.plant.silent.add("b01")
    monkeypatch.setattr(seen, "_readings", lambda: [*usual(), other._replace(at_s=seen.plant.now)])
    seen.ticks(3)
    assert miners.miners(seen.config).rows[0]["address"] is None
    assert "127.77.1.1" not in seen.run("miners", "show", "b01").output
