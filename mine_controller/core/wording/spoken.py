"""What people read figures in: °C or °F, and the hundredth part of their currency. For display only. Pure.

Everything is kept, decided and sent to machines in °C and in hundredths; sentences are put into a person's units last.
"""

import re

from mine_controller.record import NamedTuple

MINORS = {"GBP": ("£", "p"), "EUR": ("€", "ct"), "USD": ("$", "¢")}  # the sign of a currency and its hundredth
_CELSIUS = re.compile(r"(-?\d+(?:\.\d+)?)(?: to (-?\d+(?:\.\d+)?))?(\s?)°C")  # one temperature, or from here to there
_PENCE = re.compile(r"(?<=\d )p/kWh")


class Units(NamedTuple):
    """One person's. As they stand here nothing is put into others."""

    fahrenheit: bool = False
    minor: str = "p"

    @property
    def price(self) -> str:
        """Of prices, per kWh."""
        return f"{self.minor}/kWh"


UNITS = Units()  # as everything is kept


def units(temperature_unit: str, currency: str) -> Units:
    """By [site]: "C" or "F", and the name of the currency."""
    return Units(temperature_unit == "F", minor(currency))


def minor(currency: str) -> str:
    """Its hundredth part, by the name that people on the spot have for it."""
    return MINORS.get(currency.upper(), ("", "cent"))[1]


def price_unit(currency: str) -> str:
    """What a kWh is paid in."""
    return Units(minor=minor(currency)).price


def spoken(text: str, to: Units) -> str:
    """A sentence in these units. Every °C in a sentence is a temperature; differences of them are in K."""
    if to.fahrenheit and "°C" in text:
        text = _CELSIUS.sub(_fahrenheit, text)
    return _PENCE.sub(to.price, text) if to.minor != "p" and "p/kWh" in text else text


def _fahrenheit(found: re.Match[str]) -> str:
    first, second, space = found.groups()
    return f"{_degrees(first)}{f' to {_degrees(second)}' if second else ''}{space}°F"


def _degrees(celsius: str) -> str:
    """As finely as it was told: 38 -> 100, 38.2 -> 100.8."""
    return f"{float(celsius) * 1.8 + 32:z.{len(celsius.partition('.')[2])}f}"
