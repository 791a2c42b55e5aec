"""install.sh: a release that can't be built, or not whole."""

import pytest
from staging import staged

EXTRAS = "--require-hashes -r requirements-extras.lock"


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


def test_extras_that_could_not_be_had_are_taken_when_the_same_install_runs_again(machine):
    """A line that breaks between two downloads left a mine without control of its Braiins machines for good."""
    (machine.fakes / "no-extras").touch()
    told = machine.install()
    assert "without the extras of requirements-extras.lock: no control of Braiins OS and VNish" in told
    assert "sudo ./install.sh again tries once more" in told
    (machine.fakes / "no-extras").unlink()
    asked = machine.asked_of_pip
    told = machine.install()
    assert "/opt/minectl/1.0.0 is complete already" in told
    assert "without the extras" not in told
    [again] = machine.asked_of_pip[len(asked) :]
    assert again.endswith(EXTRAS)
    machine.install()
    assert len(machine.asked_of_pip) == len(asked) + 1


def test_a_32_bit_system_is_told_what_it_builds_itself(machine):
    """No maker has a wheel of cffi for 32-bit Arm, and Raspberry Pi OS comes without what builds one."""
    (machine.fakes / "trouble").write_text("fatal error: ffi.h: No such file or directory\n")
    assert "libffi-dev" not in machine.install(code=1)
    (machine.fakes / "narrow").touch()
    assert "sudo apt install build-essential python3-dev libffi-dev" in machine.install(code=1)


def test_a_32_bit_system_under_a_64_bit_kernel_takes_the_extras_of_32_bits(machine):
    """Raspberry Pi OS of 32 bits on a Pi 4: the kernel's name asked for a wheel that no 32-bit Python takes."""
    machine.install()
    for name, text in (("linux32", 'echo narrowed; exec "$@"'), ("uname", "echo aarch64")):
        (machine.fakes / name).write_text(f"#!/bin/sh\n{text}\n")
        (machine.fakes / name).chmod(0o755)
    take = f"take_extras {machine.root}/opt/minectl/1.0.0"
    assert "narrowed" not in machine.calls(take)
    (machine.fakes / "narrow").touch()
    assert "narrowed" in machine.calls(take)
    assert machine.asked_of_pip[-1].endswith(EXTRAS)


def test_a_tree_that_is_not_whole_is_refused_before_anything_is_removed(machine):
    """One that was unpacked on a full disk had no number, and the folder without a name was /opt/minectl itself."""
    machine.install()
    (machine.clone / "mine_controller/__init__.py").write_text("")
    assert "this tree is not whole: mine_controller/__init__.py names no version" in machine.install(code=2)
    assert (machine.root / "opt/minectl/1.0.0/bin/minectl").exists()


def test_a_staging_folder_lies_where_whoever_names_it_stands(machine, monkeypatch):
    monkeypatch.chdir(machine.tmp)
    assert "would: switch" in machine.run("--root", "stage", "--dry-run")
    machine.run("--root", "stage")
    assert (machine.tmp / "stage/opt/minectl/current").is_symlink()
    assert not (machine.clone / "stage").exists()
