"""install.sh: a release that can't be built, or not whole."""

import pytest
from staging import staged


@pytest.fixture
def machine(tmp_path):
    return staged(tmp_path)


def test_a_disk_that_is_full_gets_back_what_half_a_release_took(machine):
    """The mine that runs on needs it: what can't be written down is never raised."""
    machine.install()
    machine.version("1.1.0")
    (machine.fakes / "full").touch()
    assert "nothing was changed" in machine.install(code=1)
    assert not (machine.root / "opt/minectl/1.1.0").exists()
    assert list(machine.tmp.iterdir()) == []
    assert machine.current() == "1.0.0"
