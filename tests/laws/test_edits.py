"""The owner's hand in the two files while the mine runs: what is remembered goes by machine, and the judge knows it."""

import pytest
from laws.stages import stage

from mine_controller.config.load import load


@pytest.fixture
def swapped(tmp_path):
    """A config with two names changed round."""

    def edit(config, one, other):
        for name in ("config.txt", "fleet.csv"):
            text = (config.paths.config.parent / name).read_text("utf-8")
            if name == "fleet.csv":
                text = (
                    text.replace(f"\n{one},", "\n?,").replace(f"\n{other},", f"\n{one},").replace("\n?,", f"\n{other},")
                )
            (tmp_path / name).write_text(text, "utf-8")
            (tmp_path / name).chmod(0o600)
        return load(tmp_path / "config.txt")

    return edit


def test_two_names_changed_round_while_miners_start_hold_nobody_back_and_start_nobody_twice(swapped):
    at = stage(12, pdus=2)
    at.run(2).do("signal off")
    at.run(6).do("signal run")
    before = at.sampler.samples[-1].starts

    def begun():
        return [new - old for new, old in zip(at.sampler.samples[-1].starts, before, strict=True)]

    first, last = 8, 11  # the one starts a few minutes before the other
    while not begun()[first]:
        at.tick()
    assert not begun()[last]
    names = [swapped(at.config, f"a{first + 1:03}", f"a{last + 1:03}"), at.config]
    for turn in range(12):  # changed round before every tick: the books always lie under the other name
        at.config = names[turn % 2]
        at.tick()
    assert (begun()[first], begun()[last]) == (1, 1)
    assert at.guarded == []
