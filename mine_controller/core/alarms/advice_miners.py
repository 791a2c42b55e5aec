"""The words of a letter about single miners, as in `advice.py`: cause, what minectl does, what the owner does."""

OF_MINERS: dict[str, tuple[str, str, str]] = {
    "chip_danger": (
        "chips are hotter than they stand for long",
        "the miner's own firmware is what stops it",
        "look at its fans and heat sinks; stop it by hand",
    ),
    "chip_warning": ("chips are hot", "goes on watching; nothing else changes", "look at its fans, dust and room"),
    "miner_offline": (
        "the miner drew power, does not answer any more, and is not seen to draw",
        "tries to start it again as wear and limits allow",
        "look at its supply, its breaker and its network",
    ),
    "miner_unseen": (
        "a miner of fleet.csv was not found for an hour, and never before",
        "goes on looking for it",
        "look at its mac in fleet.csv, its cable and its supply; `minectl discover` shows who answers",
    ),
    "miner_idle": (
        "the miner draws power and says itself that it hashes nothing, for half an hour",
        "nothing: by its watts it runs",
        "`minectl miners restart ID`; does it stay so: look at its boards, its pool and its own page",
    ),
    "miner_waits": (
        "the miner says that no pool answers it",
        "sends it to a pool that stands in, where one is named and all of its pool's miners say so",
        "look at the pool's name and port in its settings, at its network, and at the pool's own status",
    ),
    "start_failed": (
        "the miner was told to run and does not draw",
        "three in a day are quarantine",
        "look at it when you are there",
    ),
    "quarantined": (
        "the miner keeps failing",
        "does not start it until a person releases it",
        "look at it, then `minectl release`",
    ),
    "liar": (
        "a miner says yes to a stop and draws on, three times in a week",
        "cuts its outlet first, for as long as three lie within a week",
        "restart it when it may run; look at its firmware, and at what else tells it to run",
    ),
    "outlet_map": (
        "an outlet is dark and its miner hashes",
        "the miner is in quarantine: its outlet feeds another",
        "correct the outlet column of fleet.csv",
    ),
    "stranger": (
        "another unit answers where a miner of fleet.csv did",
        "does not command it",
        "was a unit swapped? `minectl discover --add` lists the new one",
    ),
    "doubled": (
        "two units tell the same mac or serial",
        "counts it as unknown; where it has an outlet, that still stops it",
        "take one of the two off the network, or give it its own mac with its maker's tool",
    ),
    "two_writers": (
        "somebody else switches this miner",
        "does not raise it for half an hour",
        "find the other program or person, and let one of you go",
    ),
    "high_reject": (
        "the pool refuses many of its shares",
        "goes on watching; nothing else changes",
        "look at the network's delay, the pool and the overclock",
    ),
    "no_shares": (
        "the miner says that it hashes, and its pool has taken nothing of it for far longer than ever before",
        "nothing: by its watts and its word it runs",
        "`minectl miners restart ID`; does it stay so: look at the pool's own page, its user and its hash boards",
    ),
    "firmware_changed": (
        "a miner runs another firmware than before",
        "goes on watching; nothing else changes",
        "was it you? An unknown firmware may mine for somebody else",
    ),
    "tuning_left": (
        "the search for a miner's best setting was given up",
        "leaves its settings as they are now",
        "its own page shows them; was it set by hand, or does it run too hot?",
    ),
}
