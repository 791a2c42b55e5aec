"""The owner's hand in the two files while the mine runs: what is remembered goes by machine, and the judge knows it."""

import pytest
from laws.stages import stage

from mine_controller.config.load import load


@pytest.fixture
def swapped(tmp_path):
    """The small container's config with the names a007 and a008 changed round."""

    def edit(config):
        for name in ("config.txt", "fleet.csv"):
            text = (config.paths.config.parent / name).read_text("utf-8")
            if name == "fleet.csv":
                text = text.replace("\na007,", "\nx,").replace("\na008,", "\na007,").replace("\nx,", "\na008,")
            (tmp_path / name).write_text(text, "utf-8")
            (tmp_path / name).chmod(0o600)
        return load(tmp_path / "config.txt")

    return edit


def test_two_names_changed_round_while_miners_start_hold_nobody_back_and_start_nobody_twice(swapped):
    at = stage(12, pdus=2)
    at.run(2).do("signal off")
    at.run(6).do("signal run")
    before = at.sampler.samples[-1].starts
    for _ in range(40):
        at.tick()
        begun = [new - old for new, old in zip(at.sampler.samples[-1].starts, before, strict=True)]
        if begun[6] != begun[7]:
            break
    assert begun[6] != begun[7]
    names = [swapped(at.config), at.config]
    for turn in range(12):  # changed round again before every tick: books always lie under the other name
        at.config = names[turn % 2]
        at.tick()
    begun = [new - old for new, old in zip(at.sampler.samples[-1].starts, before, strict=True)]
    assert (begun[6], begun[7]) == (1, 1)
    assert at.guarded == []
