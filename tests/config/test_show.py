"""`config show` and `config get`: what counts, and what does not yet."""

from pathlib import Path

import pytest

from mine_controller.config.edit import EditError
from mine_controller.config.load import load
from mine_controller.config.show import page, value

TEXT = (Path(__file__).parent / "site.txt").read_text(encoding="utf-8")
LINES = "[uplink one]\nplaces = 192.0.2.1:443, 192.0.2.2:443\n\n[dummy_pool local]\nhost = 192.168.1.50\n\n"
WIRES = "uplink lte = uplink one\ndummy_pool = dummy_pool local\n"


def test_what_every_section_may_say_is_shown_of_it(write):
    text = TEXT.replace(
        "[cloud mine]", "[shelf one]\nhost = 192.168.1.9\nthrough = cloud mine\nbudget_s = 7\n\n[cloud mine]"
    )
    config = load(write(text))
    assert (value(config, "shelf one.through"), value(config, "shelf one.budget_s")) == ("cloud mine", 7.0)
    assert value(config, "cloud mine.budget_s") == 0
    assert "through = cloud mine" in page(config)
    assert page(config).count("through") == 1


def test_uplinks_and_the_local_pool_are_shown_as_wired(write):
    config = load(write(TEXT.replace("[wiring]\n", f"{LINES}[wiring]\n{WIRES}")))
    assert value(config, "wiring.uplink lte") == "uplink one"
    assert value(config, "wiring.dummy_pool") == "dummy_pool local"


@pytest.mark.parametrize("key", ["page coop.url", "signal.grace_s"])
def test_a_section_that_takes_no_part_yet_is_not_said_to_be_missing(write, key):
    text = TEXT.replace("https://coop.example/signal", "CHANGE-ME")
    text = text.replace("[wiring]", "[signal]\ngrace_s = 300\n\n[wiring]")
    config = load(write(text))
    with pytest.raises(EditError, match=r"takes no part yet, and `minectl config check` says why"):
        value(config, key)
    with pytest.raises(EditError, match=r"there is no section \[page cop\] "):
        value(config, "page cop.url")
