"""The one table of quantities: unit, decimals, plausible range, which way is worse, age, metric, label.

`freeze` rounds and judges by it; page, metrics and docs read it. Ranges after safety.md 2.1 (TMP3, HUM1, FRQ1)
and devices/site.md section 0.7.
"""

from mine_controller.record import NamedTuple


class Quantity(NamedTuple):
    """One row. `worse` is "high", "low" or "" (neither); `max_age_s` is how old a value may be and still count."""

    unit: str
    decimals: int
    low: float
    high: float
    worse: str
    max_age_s: int
    metric: str
    label: str


QUANTITIES: dict[str, Quantity] = {
    "temp_c": Quantity("°C", 1, -40, 80, "high", 240, "temperature_celsius", "Temperature"),
    "humidity_pct": Quantity("%", 1, 1, 100, "high", 240, "humidity_percent", "Humidity"),
    "power_w": Quantity("W", 0, -50_000, 50_000_000, "high", 240, "power_watts", "Power"),
    "draw_w": Quantity("W", 2, 0, 1000, "high", 240, "draw_watts", "Power, finer"),  # of boards that draw few watts
    "energy_kwh": Quantity("kWh", 1, 0, 1e12, "", 600, "energy_kwh", "Energy"),
    "voltage_v": Quantity("V", 1, 0, 100_000, "", 240, "voltage_volts", "Voltage"),
    "current_a": Quantity("A", 2, -100_000, 100_000, "", 240, "current_amperes", "Current"),
    "grid_hz": Quantity("Hz", 2, 45, 66, "", 240, "grid_frequency_hertz", "Frequency"),
    "supply_kw": Quantity("kW", 1, 0, 100_000, "low", 240, "supply_kilowatts", "Supply"),  # could be given, not is
    "chip_c": Quantity("°C", 1, 1, 130, "high", 240, "chip_celsius", "Chip"),
    "board_c": Quantity("°C", 1, -40, 130, "high", 240, "board_celsius", "Board"),
    "fan_rpm": Quantity("rpm", 0, 0, 30_000, "low", 240, "fan_rpm", "Fan"),
    "fan_pct": Quantity("%", 0, 0, 100, "", 240, "fan_percent", "Fan"),
    "frequency_mhz": Quantity("MHz", 0, 1, 5000, "", 600, "frequency_megahertz", "Chip frequency"),
    "core_voltage_mv": Quantity("mV", 0, 1, 30_000, "", 600, "core_voltage_millivolts", "Core voltage"),
    "limit_w": Quantity("W", 0, 1, 20_000, "", 600, "power_limit_watts", "Power limit"),
    "uptime_s": Quantity("s", 0, 0, 1e9, "", 240, "uptime_seconds", "Up for"),
    "accepted_n": Quantity("", 0, 0, 1e12, "", 600, "shares_accepted", "Shares accepted"),
    "rejected_n": Quantity("", 0, 0, 1e12, "", 600, "shares_rejected", "Shares rejected"),
    "stale_n": Quantity("", 0, 0, 1e12, "", 600, "shares_stale", "Shares stale"),
    "rate_hs": Quantity("H/s", 0, 0, 1e21, "", 600, "hashrate_hs", "Hash rate, of small ones"),
    "best_diff_n": Quantity("", 4, 0, 1e30, "", 600, "best_difficulty", "Best difficulty"),  # of one unit's shares
    "price_p_kwh": Quantity("p/kWh", 4, -5000, 5000, "high", 0, "price_per_kwh", "Price"),
    "clock_off_s": Quantity("s", 0, -1e11, 1e11, "", 7200, "clock_off_seconds", "Clock against a server's"),
    "free_pct": Quantity("%", 1, 0, 100, "low", 600, "free_percent", "Free"),
    "load_pct": Quantity("%", 0, 0, 10_000, "high", 240, "load_percent", "Load"),
    "charge_pct": Quantity("%", 0, 0, 100, "low", 240, "battery_charge_percent", "Battery"),
    "runtime_s": Quantity("s", 0, 0, 1e7, "low", 240, "battery_runtime_seconds", "Battery lasts"),
    "loss_pct": Quantity("%", 1, 0, 100, "high", 240, "link_loss_percent", "Loss"),
    "latency_ms": Quantity("ms", 1, 0, 60_000, "high", 240, "link_latency_milliseconds", "Latency"),
    "skipped_n": Quantity("", 0, 0, 1_000_000, "high", 240, "ticks_skipped", "Ticks left out"),
    "clients_n": Quantity("", 0, 0, 1_000_000, "", 240, "pool_clients", "Miners on it"),
    "hashrate_ths": Quantity("TH/s", 2, 0, 1_000_000, "", 600, "hashrate_ths", "Hash rate"),
    # What a pool says of a wallet. Amounts are whole numbers of the coin's smallest unit.
    "hashrate_hs": Quantity("H/s", 0, 0, 1e21, "", 3600, "pool_hashrate_hs", "Hash rate, by the pool"),
    "workers_n": Quantity("", 0, 0, 1e6, "", 3600, "pool_workers_online", "Workers online"),
    "workers_all_n": Quantity("", 0, 0, 1e6, "", 3600, "pool_workers", "Workers"),
    "best_n": Quantity("", 0, 0, 1e30, "", 3600, "pool_best_share", "Best share"),
    "immature_n": Quantity("", 0, 0, 1e19, "", 3600, "pool_immature_units", "Immature"),
    "unpaid_n": Quantity("", 0, 0, 1e19, "", 3600, "pool_unpaid_units", "Unpaid"),
    "paid_n": Quantity("", 0, 0, 1e19, "", 3600, "pool_paid_units", "Paid"),
    "earned_day_n": Quantity("", 0, 0, 1e19, "", 3600, "pool_earned_day_units", "Earned in 24 h"),
    "blocks_n": Quantity("", 0, 0, 1e9, "", 3600, "pool_blocks", "Blocks found"),
    "share_wall_s": Quantity("s", 0, 1e9, 1e11, "", 3600, "pool_last_share_seconds", "Last share"),
    "network_n": Quantity("", 0, 0, 1e30, "", 3600, "pool_network_difficulty", "Network difficulty"),
}

# Texts: no range but a list of the words that may occur ("" = any).
WORDS: dict[str, tuple[str, ...]] = {
    "signal": ("run", "off", "warn"),
    "switch": ("on", "off"),  # a relay or an outlet
    "link": ("up", "down"),  # an uplink, or a server that has to be there
    "contact": ("ok", "alarm"),  # smoke, water, door, mains
    # what a miner says of itself; waiting: no pool answers it, and it goes on by itself when one does
    "word": ("hashing", "sleeping", "booting", "stopped", "waiting", "error", "offline"),
    "mode": (),  # the mode a miner is in, in the words of its kind's MODES
    "pool": (),  # the name of the [pool] section it works for; "other" for one that no section names
    "ticket": ("pending", "in-progress", "complete", "failed"),
    "address": (),  # how an endpoint calls a unit (an id, an ip): read in the tick that uses it
    "history": (),  # hours and days rolled up, as devices/_poolapi.py writes them; kept over a boot like slots
    "slots": (),  # published prices as core/money/prices.py writes them
    "text": (),
}

TEXT_MAX_AGE_S = 240
TEXT_AGES_S = {"slots": 400 * 86_400}  # what is published holds until the end it names itself


class RoleKind(NamedTuple):
    """What a role is made from: the quantity its channels report and how several of them vote."""

    quantity: str
    # heat: 2nd highest of >= 3, else highest · cold: lowest · high: highest · worst: off, alarm or on wins ·
    # sum: all together, phases: the lowest; both unknown while one of them is
    vote: str
    label: str
    need: str = ""  # the word for it in `[site] require`
    protects: bool = True  # False: without it nothing is less safe, so nobody is told that it is absent

    @property
    def word(self) -> str:
        """How `[site] require` and the list of absent protections call it: signal, inlet, hot_aisle, smoke ..."""
        return self.need or self.label.lower().replace(" ", "_")


# What tells how much the source can give; outside's temperature does where its rating goes by it.
SOURCE_ROLES = ("supply_kw", "grid_hz", "voltage_v", "battery_soc_pct", "generator_load_pct")
# The roles [wiring] may fill. Fans, breakers and miners have their own lines.
ROLES: dict[str, RoleKind] = {
    "signal": RoleKind("signal", "worst", "Power signal", "signal"),
    "inlet_c": RoleKind("temp_c", "heat", "Inlet", "inlet"),
    "outlet_c": RoleKind("temp_c", "high", "Hot aisle"),
    "ambient_c": RoleKind("temp_c", "cold", "Outside"),
    "humidity_pct": RoleKind("humidity_pct", "high", "Humidity"),
    "site_power_w": RoleKind("power_w", "high", "Site power", "power"),
    "grid_hz": RoleKind("grid_hz", "cold", "Grid frequency"),
    "voltage_v": RoleKind("voltage_v", "phases", "Voltage", protects=False),
    "supply_kw": RoleKind("supply_kw", "sum", "What the source can give", "supply", protects=False),
    "battery_soc_pct": RoleKind("charge_pct", "cold", "Battery", protects=False),
    "generator_load_pct": RoleKind("load_pct", "high", "Generator load", protects=False),
    "smoke": RoleKind("contact", "worst", "Smoke"),
    "water": RoleKind("contact", "worst", "Water"),
    "tank": RoleKind("contact", "worst", "Wall tank", protects=False),
    "door": RoleKind("contact", "worst", "Door"),
    "mains": RoleKind("contact", "worst", "Mains"),
    "stop": RoleKind("switch", "worst", "Emergency stop"),
    "price": RoleKind("slots", "first", "Electricity price", protects=False),
    "export_w": RoleKind("power_w", "cold", "Power to the grid", protects=False),
}
