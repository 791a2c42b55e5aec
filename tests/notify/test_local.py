"""Times in letters: without a zone, but in the hour that comes twice."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from mine_controller.notify import news
from mine_controller.notify.local import local_text

BACK = 1_793_516_400  # 2026-11-01 07:00 UTC: in Chicago 02:00 CDT becomes 01:00 CST
FORWARD = 1_772_956_800  # 2026-03-08 08:00 UTC: 02:00 CST becomes 03:00 CDT


def there(at, zone="America/Chicago"):
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo(zone))


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (BACK - 5400, "00:30"),
        (BACK - 1800, "01:30 CDT"),
        (BACK + 1800, "01:30 CST"),
        (BACK + 3600, "02:00"),
        (FORWARD - 1, "01:59"),
        (FORWARD, "03:00"),
    ],
)
def test_a_time_of_the_hour_that_comes_twice_has_its_zone_and_no_other_has(at, text):
    assert local_text(there(at), "%H:%M") == text


def test_a_place_without_such_nights_never_has_one():
    assert {local_text(there(BACK + step, "Africa/Nairobi"), "%H") for step in range(0, 7200, 600)} == {"10", "11"}


def test_a_letter_tells_two_times_of_that_night_apart():
    def when(first, last):
        return news._when(first, last, "America/Chicago", BACK + 7200, old=False)

    assert when(BACK - 1800, BACK + 1800) == "from 01:30 CDT to 01:30 CST"
    assert when(BACK - 5400, BACK + 7000) == "from 00:30 to 02:56"
    assert news._moment(BACK + 1800, "America/Chicago", BACK + 7200) == "01:30 CST"
    assert news._moment(BACK + 1800, "America/Chicago", BACK + 90_000) == "2026-11-01 01:30 CST"
