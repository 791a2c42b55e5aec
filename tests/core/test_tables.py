"""The tables of core/ hold what was promised: what can be silenced, how long a value counts, what is plausible."""

from mine_controller.core.alarms.catalogue import DAY_S, KINDS, clears, default_ways, kind_of, ways_of
from mine_controller.core.alarms.watches import _WATCHES
from mine_controller.core.model.alarm import AlarmPolicy
from mine_controller.core.model.quantity import QUANTITIES, ROLES, TEXT_AGES_S, TEXT_MAX_AGE_S


def kinds(flag):
    return {row.name for row in KINDS.values() if getattr(row, flag)}


def unlike(field, wanted):
    """The kinds among those named whose field is not the value they are named under."""
    return {name for value, names in wanted.items() for name in names if getattr(KINDS[name], field) != value}


UNITS = {
    "chip_danger", "chip_warning", "device_unreachable", "doubled", "fan_fault", "fan_welded", "filter_clogged",
    "outlet_map", "firmware_changed", "high_reject", "miner_offline", "pool_down", "quarantined", "rule_failed",
    "sensor_stuck", "start_failed", "stranger", "tuning_left", "two_writers", "uplink_down",
}  # fmt: skip


def test_what_is_about_people_fire_and_heat_can_not_be_silenced_and_nothing_else_is_that_loud():
    safe = {"air_lost", "emergency_stop", "heat_stop", "inlet_blind", "smoke", "temperature_danger", "water"}
    assert kinds("safety") == safe
    assert {row.severity for row in KINDS.values() if row.safety} == {"emergency"}
    assert not any(row.once or not row.on or row.delay_s for row in KINDS.values() if row.safety)


def test_what_many_units_can_have_is_told_together_and_ends_for_each_alone():
    assert kinds("many") >= UNITS
    assert kinds("single") >= UNITS


def test_what_is_told_once_does_not_stand():
    told = {"band_change", "block_found", "clock_step", "died", "optimal_price", "restarted", "signal_changed"}
    assert kinds("once") >= told | {
        "curtail", "curtail_long", "curtail_report", "curtailed", "price_high", "price_low", "tuning_left",
    }  # fmt: skip


def test_what_the_image_shows_is_watched_and_what_an_event_tells_is_not():
    assert kinds("watched") >= {
        "backup_failed", "chip_danger", "chip_warning", "clock_unsynced", "config_broken", "database", "disk",
        "device_unreachable", "door_open", "filter_clogged", "frequency_high", "frequency_low", "high_reject",
        "humidity_high", "mains_lost", "miner_offline", "over_breaker", "signal_forced", "temperature_danger",
        "temperature_warning",
    }  # fmt: skip
    assert kinds("watched") == {kind for of, _ in _WATCHES for kind in of}


def test_what_few_want_is_off_until_it_is_asked_for():
    assert {row.name for row in KINDS.values() if not row.on} >= {
        "humidity_high", "profit_low", "price_high", "price_low",
    }  # fmt: skip
    assert "price_low" in kinds("low")


def test_an_alarm_waits_and_stays_as_long_as_its_kind_needs():
    hot = {"temperature_warning", "chip_danger", "chip_warning", "temperature_danger"}
    weighed = {"frequency_low", "frequency_high", "over_breaker"}
    assert unlike("delay_s", {
        0: {"mains_lost", "temperature_danger", "chip_danger", "disk", "database", "smoke", "air_lost"},
        120: weighed | {"temperature_warning", "device_unreachable", "miner_offline"},
        240: {"chip_warning"}, 600: {"door_open", "humidity_high"}, 3600: {"clock_unsynced"},
    }) == set()  # fmt: skip
    assert unlike("off_delay_s", {
        120: {"door_open"}, 7200: {"filter_clogged"},
        360: hot | weighed | {"mains_lost", "humidity_high", "disk", "clock_unsynced"},
    }) == set()  # fmt: skip
    assert unlike("cool_s", {
        0: {"miner_offline", "band_change", "block_found"}, 300: {"smoke", "curtail", "fan_fault", "mains_lost"},
        900: hot | {"heat_stop", "heat_shed", "inlet_blind", "start_failed", "quarantined"}, 1800: {"config_broken"},
        3600: {"high_reject", "price_missing", "disk", "backup_failed", "clock_step", "died", "restarted"},
        DAY_S: {"filter_clogged"},
    }) == set()  # fmt: skip
    assert unlike("lasts_s", {400 * DAY_S: {"channel_dead"}, DAY_S: set(KINDS) - {"channel_dead"}}) == set()


def test_an_alarm_clears_on_the_safe_side_of_where_it_is_raised():
    figures = {
        "frequency_low": (0.5, 0.3), "frequency_high": (0.5, 0.3), "temperature_danger": (40.0, 38.0),
        "temperature_warning": (35.0, 33.0), "filter_clogged": (20.0, 15.0), "over_breaker": (100.0, 97.0),
        "humidity_high": (85.0, 80.0), "chip_danger": (0.0, 0.0), "chip_warning": (0.0, 0.0),
        "high_reject": (5.0, 3.0), "price_high": (30.0, 0.0), "price_low": (5.0, 0.0),
    }  # fmt: skip
    assert {name: (KINDS[name].threshold, KINDS[name].clear) for name in figures} == figures


def test_a_kind_the_table_does_not_know_is_a_plain_warning_and_on():
    row = kind_of("never_heard_of")
    assert (row.severity, row.on, row.delay_s, row.off_delay_s, row.cool_s) == ("warning", True, 0, 0, 300)
    assert not any((row.safety, row.many, row.single, row.once, row.watched, row.low))
    assert ways_of(AlarmPolicy(), "never_heard_of") == default_ways("never_heard_of")
    assert default_ways("never_heard_of").threshold == 0.0


def test_an_event_that_ends_several_kinds_ends_them_all():
    assert set(clears()["air_back"]) == {"air_lost", "air_short"}
    assert clears()["heat_stop_over"] == ("heat_stop",)


def test_a_live_figure_counts_for_two_ticks_and_slow_ones_for_five_or_an_hour():
    ages: dict[int, set[str]] = {}
    for name, row in QUANTITIES.items():
        ages.setdefault(row.max_age_s, set()).add(name)
    assert set(ages) == {0, 240, 600, 3600, 7200}
    assert ages[0] == {"price_p_kwh"}  # its slots tell for themselves when they end
    assert ages[7200] >= {"clock_off_s"}
    assert ages[600] >= {
        "energy_kwh", "frequency_mhz", "core_voltage_mv", "limit_w", "accepted_n", "rejected_n", "stale_n", "free_pct",
        "hashrate_ths",
    }  # fmt: skip
    assert {"temp_c", "power_w", "supply_kw", "voltage_v", "grid_hz", "humidity_pct", "chip_c"} <= ages[240]
    assert (TEXT_MAX_AGE_S, TEXT_AGES_S) == (240, {"slots": 34_560_000})


PLAUSIBLE = {  # decimals, lowest, highest, and for how many seconds it counts
    (1, -40, 80, 240): "temp_c",
    (1, 1, 100, 240): "humidity_pct",
    (0, -50_000, 50_000_000, 240): "power_w",
    (2, 0, 1000, 240): "draw_w",
    (1, 0, 1e12, 600): "energy_kwh",
    (1, 0, 100_000, 240): "voltage_v supply_kw",
    (2, -100_000, 100_000, 240): "current_a",
    (2, 45, 66, 240): "grid_hz",
    (1, 1, 130, 240): "chip_c",
    (1, -40, 130, 240): "board_c",
    (0, 0, 30000, 240): "fan_rpm",
    (0, 0, 100, 240): "fan_pct charge_pct",
    (0, 1, 5000, 600): "frequency_mhz",
    (0, 1, 30000, 600): "core_voltage_mv",
    (0, 1, 20000, 600): "limit_w",
    (0, 0, 1e9, 240): "uptime_s",
    (0, 0, 1e12, 600): "accepted_n rejected_n stale_n",
    (4, -5000, 5000, 0): "price_p_kwh",
    (0, -1e11, 1e11, 7200): "clock_off_s",
    (1, 0, 100, 600): "free_pct",
    (0, 0, 10000, 240): "load_pct",
    (0, 0, 1e7, 240): "runtime_s",
    (1, 0, 100, 240): "loss_pct",
    (1, 0, 60000, 240): "latency_ms",
    (0, 0, 1_000_000, 240): "clients_n skipped_n",
    (2, 0, 1_000_000, 600): "hashrate_ths",
    (0, 0, 1e+21, 600): "rate_hs",
    (0, 0, 1e+21, 3600): "hashrate_hs",
    (4, 0, 1e+30, 600): "best_diff_n",
    (0, 0, 1e6, 3600): "workers_n workers_all_n",
    (0, 0, 1e+30, 3600): "best_n network_n",
    (0, 0, 1e+19, 3600): "immature_n unpaid_n paid_n earned_day_n",
    (0, 0, 1e9, 3600): "blocks_n",
    (0, 1e9, 1e11, 3600): "share_wall_s",
}  # fmt: skip


def test_what_no_sensor_can_truly_show_is_outside_of_the_plausible():
    wanted = {name: bounds for bounds, names in PLAUSIBLE.items() for name in names.split()}
    found = {name: (row.decimals, row.low, row.high, row.max_age_s) for name, row in QUANTITIES.items()}
    assert found == wanted
    assert all(row.low < row.high for row in QUANTITIES.values())


def test_only_what_nobody_is_less_safe_without_may_be_absent_in_silence():
    assert {name for name, role in ROLES.items() if not role.protects} >= {
        "voltage_v", "supply_kw", "battery_soc_pct", "generator_load_pct", "tank", "price", "export_w",
    }  # fmt: skip
