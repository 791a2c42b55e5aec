"""Which modes a stock Antminer has besides sleep, by its model, as the settings page of its own firmware lists them.

Its script keeps the old mode for a number it does not know, says yes all the same, and so leaves a sleeping unit
asleep; one that it takes and the page does not list is nothing that anybody has tried. High (2) is what the page calls
High Energy Mode, and low (3) is Low Power. Other numbers have no word here: 5 is Dry Keep Mode (S19 XP), 4 and 9 are a
High Energy and a Power Free Mode of the S21 XP Imm.

Pages and scripts read, in HashSource's unpacked firmware: S19 Pro, S19 Pro+ Hyd., S21 (October 2024), S21 XP (FR-1.5),
T21 (FR-1.18), which serves S19k Pro, S19 XP and S21 Pro too, S21+ (March 2025), S21 Hyd. (May 2024), S21 XP Hyd.
(October 2024), S21+ Hyd. (FR-1.23), L9 (February 2025), KS5 (August 2024). Of other models nothing is said.
"""

import re
from typing import Any

_OFFERED = (
    (re.compile(r"S19k Pro|T21"), ("normal", "high")),
    (re.compile(r"S21 (?:Pro|XP|Hyd)|S21\+|S19 (?:XP\+|Pro\+\+)|\b(?:L9|KS5)\b"), ("normal",)),
    (re.compile(r"[ST]19(?!.*Hyd)|S19 Pro\+? Hyd|S21\Z"), ("low", "normal")),
)


def offered(model: Any) -> tuple[str, ...]:
    """The modes of this model, from least to most power; () when they are not known."""
    name = model.strip() if isinstance(model, str) else ""
    return next((words for pattern, words in _OFFERED if pattern.search(name)), ())
