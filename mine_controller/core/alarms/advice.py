"""What each kind of alarm means, what minectl does about it, and what the owner should do: the words of a letter.

One row a kind: (cause, what minectl does, what the owner does). Figures and rules are in `catalogue.py`; what concerns
single miners is in `advice_miners.py`.
"""

from mine_controller.core.alarms.advice_miners import OF_MINERS

ADVICE: dict[str, tuple[str, str, str]] = {
    **OF_MINERS,
    "smoke": (
        "the smoke contact says alarm",
        "outlets off (fans too, unless [hazard] says no) until the contact is good and a person acks at the controller",
        "leave the container; call the fire brigade",
    ),
    "water": (
        "the water contact says alarm",
        "outlets are off until the contact is good and a person acks at the controller",
        "don't touch anything live; open the main breaker first",
    ),
    "emergency_stop": (
        "a person asked for it",
        "everything stays off until `minectl resume`",
        "resume when the reason is gone",
    ),
    "mains_lost": (
        "the supply is gone, by the mains contact or by the meter on the feed",
        "keeps what runs on other power; starts nothing new without its inputs",
        "ask the utility or start the source; look at the main breaker",
    ),
    "site_silent": (
        "the site has no power, its network switch is gone, or the controller's own line to it",
        "counts all of it as unknown: tells what it can to stop, starts nothing, and goes on asking",
        "find out whether the site has power; then look at the switch and at the controller's cable",
    ),
    "ups_low": (
        "the controller lives on a battery that is nearly empty or can't be relied on",
        "goes on; NUT's `upsmon` shuts the machine down in order, and a tick that is ended loses nothing",
        "bring the supply back; the mine goes on without its controller until then",
    ),
    "ups_on_battery": (
        "the controller lives on its battery",
        "controls on as long as the battery lasts",
        "look why the supply is gone",
    ),
    "ups_worn": (
        "the mains are there, and the battery of the UPS is worn out, missing, bypassed or does not charge",
        "goes on watching; when the mains go, the controller goes with them",
        "replace the battery, or see why the UPS does not charge it: `upsc` has its words",
    ),
    "supply_short": (
        "the source gives less than the mine draws",
        "load goes down until it fits",
        "look at the source: fuel, panels, battery",
    ),
    "supply_blind": (
        "what the source can give is not known",
        "starts nothing, and after the grace counts on `unknown_kw` alone",
        "look at the sensor and its broker; [supply] says what counts meanwhile",
    ),
    "frequency_shed": (
        "the frequency stayed low: the source is overloaded",
        "took a share of the load off and holds it until the frequency has been good for a while",
        "look at the generator and what else hangs on it",
    ),
    "voltage_shed": (
        "the voltage stayed low",
        "took a share of the load off and holds it until the voltage has been good for a while",
        "look at the source, the cable and the transformer's taps",
    ),
    "voltage_high": (
        "the voltage is too high",
        "starts nothing; what runs stays, as less load would raise it further",
        "look at the source's regulator, now",
    ),
    "frequency_low": (
        "the grid or the generator is overloaded",
        "nothing starts meanwhile",
        "look at the generator; ask the utility",
    ),
    "frequency_high": (
        "the generator runs too fast, or load was lost",
        "goes on watching; nothing else changes",
        "look at the governor",
    ),
    "air_lost": (
        "no fan proves any air: relay board, its supply, or the fan meter",
        "switches everything off; tells the fans on until watts prove them",
        "look at the fans' breaker and the relay board, now",
    ),
    "heat_stop": (
        "the inlet is hotter than the miners stand",
        "switches everything off, every fan on; comes back once it is cool, as often a day as [temperature] says",
        "look for dead fans, shut louvres, dirty filters",
    ),
    "temperature_danger": (
        "the inlet is over the danger mark",
        "load goes down, every fan runs",
        "look at fans and filters; take load off by hand if it does not fall",
    ),
    "heat_shed": (
        "the inlet is hot",
        "sheds 5 to 10 % of the load every two minutes until it is cooler",
        "look at fans, louvres and filters",
    ),
    "temperature_warning": (
        "the inlet is warm",
        "every fan runs; if it climbs on, load goes down step by step",
        "look at fans and filters while there is time",
    ),
    "air_short": (
        "fewer fans prove air than the load needs",
        "load is down to what the proven fans carry",
        "mend the fans that failed",
    ),
    "recirculating": (
        "hot air comes back in: a belt, a louvre or a door",
        "load goes down 10 % every two minutes",
        "look at belts, louvres and doors",
    ),
    "fan_fault": (
        "the fan is told on and draws too little, or its relay stays off",
        "runs another one; tries this one again after half an hour",
        "relay off: look at the board and its wiring; on: at its belt and motor protection",
    ),
    "fan_welded": (
        "the fan is told off and still draws",
        "counts its air; its relay is not trusted",
        "change the relay",
    ),
    "filter_clogged": (
        "fan watts or the rise of the air have been off what was learned for a day: dust, or a slipping belt",
        "goes on watching; nothing else changes",
        "clean or change the filters, look at the belts; ack makes it learn anew",
    ),
    "signal_blind": (
        "the utility's page can't be read",
        "nothing starts; after the grace the mine curtails to be safe",
        "look at the page and the uplink; phone the utility: `minectl set-state signal run --stand-in` if it says run",
    ),
    "curtail_unproven": (
        "the load is not proven down",
        "stops whoever runs, at the outlet where a word does not help, until watts prove it",
        "look at the main meter, and open the breakers of the miners named",
    ),
    "signal_forced": (
        "a person accepted the contract's penalty and runs the mine against the utility's word",
        "runs until that time is over",
        "`minectl clear-state signal` ends it",
    ),
    "signal_changed": (
        "the utility's word changed",
        "obeys: off curtails now, run comes back after the hold",
        "nothing",
    ),
    "override_ends": (
        "what a person set has half an hour left",
        "lets go of it then; the rules decide again",
        "set it again if it is still wanted: `minectl set-state`",
    ),
    "curtail": ("the mine goes down for the utility", "every miner is stopped and proven dark", "nothing"),
    "curtail_long": (
        "this event is longer than any usual one",
        "stays curtailed",
        "ask the utility whether its page is right",
    ),
    "curtailed": ("the load is proven down", "stays down until what asked for it is over", "nothing"),
    "curtail_report": ("the event is over, or another one took its place", "keeps the report for the bill", "nothing"),
    "over_breaker": (
        "a branch carries more than its continuous limit",
        "miners of that branch are stopped",
        "spread them over other branches",
    ),
    "branch_tripped": (
        "all miners of a breaker or a phase went dark at once, and nobody told them to",
        "starts nothing on it until a person acks it at the controller or the miners are on again",
        "look at the breaker, the cable and for what smells; fans may hang on the same phase",
    ),
    "over_cap": (
        "the site draws nearly as much as its cap, or more",
        "load goes down until it fits",
        "once: nothing; often: raise [cap] margin_pct, so that fewer start, or the cap you pay for",
    ),
    "meters_disagree": (
        "the site meter and the outlets contradict",
        "counts the larger one",
        "look at the meter's factor, its clamps and for load nobody measures",
    ),
    "watts_implausible": (
        "many miners hash and draw nothing",
        "nothing starts meanwhile",
        "look at the unit of the outlet meters and at the outlet column of fleet.csv",
    ),
    "dark_but_hot": (
        "no outlet shows power, and the inlet climbs when fans go down",
        "the fans that were on come back for an hour, then it tries again",
        "listen and look whether miners run: the PDUs may show 0 W of what they feed",
    ),
    "inlet_blind": (
        "no inlet temperature for ten minutes",
        "load is halved, and stopped after twenty minutes",
        "look at the probes and their network",
    ),
    "inlet_doubted": (
        "the inlet shows air far colder than outside",
        "does not believe it: every fan on, nothing starts; heat would not be seen",
        "look at the probes: °F for °C, a cable, a probe in water",
    ),
    "probes_apart": (
        "the inlet's probes contradict each other",
        "counts the hottest for heat and the coldest for cold",
        "look at the one that is far from the others, and at where it hangs",
    ),
    "fan_meter_blind": (
        "fan watts can't be read: air is not proven",
        "nothing starts; running load stays while the inlet is cool",
        "look at the fan meter and its network",
    ),
    "uplink_down": (
        "a way to the internet is down",
        "uses another one where there is one",
        "look at the modem; ask the provider",
    ),
    "device_unreachable": (
        "a device does not answer, or with nothing that can be used",
        "what it would tell is unknown: nothing starts on it",
        "silent: its power, cable, address; refused: its login; another page: its url; `minectl probe` asks it by hand",
    ),
    "device_frozen": (
        "a device answers, and what it tells stands still",
        "what it tells is unknown: nothing starts on it",
        "restart it; `minectl probe`, twice, shows whether its figures move",
    ),
    "required_lost": (
        "an input that `[site] require` or the profile names has been unknown for six minutes",
        "takes the safe side wherever a rule needs it",
        "look at its device, its cable and its broker: `minectl probe` asks it by hand",
    ),
    "sensor_stuck": (
        "a probe shows the same while the load moves",
        "it has no vote while another one moves",
        "change the probe",
    ),
    "inputs_missing": (
        "needed inputs are still missing since the start",
        "nothing starts meanwhile",
        "look at what is named",
    ),
    "door_open": (
        "the door contact says open",
        "goes on watching; nothing else changes",
        "shut the door: the fans draw past the miners",
    ),
    "humidity_high": ("the air is too wet", "nothing starts meanwhile", "look at the evaporative wall and for water"),
    "starts_held": (
        "the mine may run, and for an hour nothing could be started",
        "starts in steps as soon as what holds it is over",
        "look at what is named; `minectl explain` has everything that holds starts back",
    ),
    "ramp_failed": (
        "starts in a row came to nothing",
        "pauses the climb for half an hour",
        "look at one of the miners, its outlet and its network",
    ),
    "pool_down": (
        "a pool does not answer or takes no shares",
        "goes to the fallback where one is configured",
        "look at the pool's own status",
    ),
    "wall_dry": (
        "the evaporative wall's pump runs and cools nothing",
        "runs every fan; sheds and stops by the inlet as ever",
        "look at the water, the pump and its relay, the cloth",
    ),
    "pump_stuck": (
        "the relay of the evaporative wall's pump does not do as it is told",
        "tells it again while [wiring] has it; one that stays on is stopped by no empty tank and no wet floor",
        "switch the pump off by hand; look at the relay's number in [wiring], its board and its contact",
    ),
    "offline": (
        "every uplink is down",
        "opens the local pool where there is one, else stops the miners after a while; goes on controlling",
        "look at the modems and their power; call the provider",
    ),
    "dummy_pool_dead": (
        "the local pool is needed and gives no work",
        "leaves the miners where they are, and stops them after a while",
        "start `minectl dummy-pool` (its systemd unit) and look at its log",
    ),
    "pool_stuck": (
        "miners are still on the local pool after the internet came back",
        "tells them their own pool again and starts each of them anew, once",
        "restart them by hand: `minectl miners restart`",
    ),
    "dummy_pool": (
        "the miners work for the local pool: no real one is to be had",
        "keeps the load steady and goes back as soon as one answers",
        "look at the uplink",
    ),
    "share_loss": (
        "shares get lost on the way",
        "goes on watching; nothing else changes",
        "look at the uplinks' loss and delay",
    ),
    "profit_low": (
        "miners cost more than they earn",
        "lets them rest until they pay again, as [profit] says",
        "look at prices and difficulty",
    ),
    "price_missing": (
        "what power costs now is not known: the published slots are over, or have a gap",
        "holds the default band until it is",
        "look at the tariff's page and the uplink",
    ),
    "price_high": ("the price is over the mark", "does what the bands say", "nothing"),
    "price_low": ("the price is under the mark", "does what the bands say", "nothing"),
    "optimal_price": ("the best slot of the day begins", "does what the bands say", "nothing"),
    "band_change": ("another price band began, or none is left", "switches mode, coin and pool to it", "nothing"),
    "block_found": ("one of the miners found a block", "nothing", "celebrate, then check the wallet"),
    "best_share": ("a miner found its hardest share yet", "nothing", "nothing"),
    "lamp_stuck": (
        "the relay of the lamp at the site does not do as it is told",
        "tells it again while [wiring] has it; nothing else changes",
        "look at the relay's number in [wiring], its board and the lamp; is somebody else switching it?",
    ),
    "channel_dead": (
        "one way to you takes no messages any more",
        "tells the others, and tries this one again with whatever is to be told",
        "`minectl notify test` says why (docs/messages.md), and ends this once it is taken",
    ),
    "rule_failed": (
        "a rule of the program itself failed",
        "its layer takes the safe side",
        "make a `minectl bundle` and report it",
    ),
    "database": (
        "the database can't be read or written",
        "controls on from memory; nothing is raised that can't be written down",
        "`minectl doctor` tells what helps: space, rights, the card",
    ),
    "disk": (
        "the disk of the database is nearly full, read-only or not there",
        "goes on; a reserve is left for a full one, and what can't be written down is not raised",
        "full: make room (logs, old backups); read-only or gone: look at dmesg, the card and its mount",
    ),
    "list_shrunk": (
        "more than a fifth of the miners have left fleet.csv at once",
        "no longer asks, stops or counts them",
        "was it you? Else put the list back: `fleet.csv.previous`, a backup, `minectl discover --add`",
    ),
    "config_broken": (
        "config.txt or fleet.csv is broken",
        "runs on the last good one",
        "`minectl config check` tells every problem",
    ),
    "backup_failed": ("the backup failed", "tries again in an hour", "look at the room on the backup disk"),
    "clock_step": (
        "the wall clock was set",
        "timers follow the boot clock; nothing starts in this tick",
        "see that time synchronisation runs",
    ),
    "clock_unsynced": (
        "nobody keeps the clock right",
        "timers don't need it; prices do",
        "see that time synchronisation runs",
    ),
    "controller_hot": (
        "the controller is hot and may slow down",
        "goes on watching; nothing else changes",
        "give it air",
    ),
    "memory_low": (
        "the controller is short of memory",
        "goes on watching; nothing else changes",
        "see what else runs on it",
    ),
    "died": (
        "the tick before did not end",
        "what it commanded is judged by measurement",
        "more than one a week: `minectl bundle`",
    ),
    "ticks_skipped": (
        "ticks in a row found the lock taken and left",
        "looks at everything anew now; nothing was read or decided meanwhile",
        "`journalctl -t minectl` names the process that held it",
    ),
    "restarted": ("the controller has started", "adopts what is measured; starts after two good looks", "nothing"),
}

_SMOKE = (
    "the smoke contact said alarm and does so no more",
    "outlets off (fans too, unless [hazard] says no) until a person resumes at the controller",
    "a person has to look, from outside first; then `minectl resume`",
)
_WATER = (
    "the water contact said alarm and does so no more",
    "outlets are off until a person resumes at the controller",
    "touch nothing live before a person has looked for water; then `minectl resume`",
)
# Of what latched and whose cause is gone: by kind and the last word of its reason's code.
_LATER = {("smoke", "held"): _SMOKE, ("smoke", "gone"): _SMOKE, ("water", "held"): _WATER, ("water", "gone"): _WATER}
_NONE = ("", "", "")


def advice_of(kind: str, code: str, otherwise: tuple[str, str, str] = _NONE) -> tuple[str, str, str]:
    """What an alarm means, what minectl does and what its owner should do, as it stands now: by its reason's code."""
    return _LATER.get((kind, code.rpartition("_")[2])) or ADVICE.get(kind, otherwise)
