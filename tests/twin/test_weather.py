import pytest

from mine_controller.twin.noise import key_of, normal, uniform
from mine_controller.twin.weather import PRESETS, Weather, humidity_pct

MIDNIGHT_UTC = 1_784_073_600  # 2026-07-15


@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_the_day_is_warmest_at_sixteen_hours_and_swings_by_its_preset(preset):
    weather = Weather(1, MIDNIGHT_UTC, preset)
    climate = PRESETS[preset]
    assert weather.ambient_c(16 * 3600) == pytest.approx(climate.mean_c + climate.swing_k, abs=1.8)
    assert weather.ambient_c(4 * 3600) == pytest.approx(climate.mean_c - climate.swing_k, abs=1.8)


def test_local_time_counts_not_utc():
    utc, iowa = (Weather(1, MIDNIGHT_UTC, "july", zone) for zone in ("UTC", "America/Chicago"))
    assert iowa.ambient_c(21 * 3600) == pytest.approx(utc.ambient_c(16 * 3600), abs=2.5)
    assert iowa.ambient_c(21 * 3600) > iowa.ambient_c(12 * 3600) + 3


def test_july_inlet_air_stays_under_80_percent_by_day():
    weather = Weather(1, MIDNIGHT_UTC)
    by_day = [humidity_pct(weather.ambient_c(h * 3600), weather.dew_c(h * 3600)) for h in range(9, 22)]
    assert max(by_day) < 80


def test_moisture_is_all_there_is_at_the_dew_point_and_falls_with_warmth():
    assert humidity_pct(12, 12) == pytest.approx(100)
    assert humidity_pct(30, 12) == pytest.approx(33, abs=2)


def test_a_turn_of_the_weather_takes_half_an_hour():
    weather = Weather(1, MIDNIGHT_UTC)
    before = weather.ambient_c(36_000)
    weather.turn(36_000, "heat_wave")
    assert weather.ambient_c(36_000) == before
    assert weather.ambient_c(37_800) == pytest.approx(before + 10, abs=2.5)


def test_noise_is_normal_repeatable_and_different_per_sensor():
    key = key_of(1, "probe")
    draws = [normal(key, t) for t in range(4000)]
    mean = sum(draws) / 4000
    assert abs(mean) < 0.06
    assert (sum((d - mean) ** 2 for d in draws) / 4000) ** 0.5 == pytest.approx(1, abs=0.05)
    assert draws[17] == normal(key, 17)
    assert draws[17] != normal(key_of(1, "other"), 17)
    assert all(0 <= uniform(key, t) < 1 for t in range(1000))
