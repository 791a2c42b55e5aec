"""mine.log, and where its lines go when it can't be written."""

import sys

import pytest

from mine_controller.ports.log import Log


class Closed:
    """Standard error whose other end is a full disk or a reader that has gone."""

    def __init__(self, error):
        self.error = error

    def write(self, text):
        raise self.error(text)

    def flush(self):
        raise self.error


def test_a_line_that_can_not_be_kept_goes_to_standard_error(tmp_path, capsys):
    Log(tmp_path).say(1_772_366_400, "WARN", "fan_fault", about="fan 3")  # a folder is no file
    said = capsys.readouterr().err
    assert "can't be written" in said
    assert "WARN  fan_fault" in said


@pytest.mark.parametrize("error", [BrokenPipeError, OSError, ValueError])
def test_db1_a_full_disk_and_a_closed_standard_error_together_end_no_tick(tmp_path, monkeypatch, error):
    """DB1."""
    monkeypatch.setattr(sys, "stderr", Closed(error))
    Log(tmp_path).say(1_772_366_400, "WARN", "fan_fault", about="fan 3")
