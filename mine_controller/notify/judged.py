"""The hosts that messages and pings go to by name and behind TLS, so that a certificate says it is them.

Such a host may be asked at an address that is only remembered (DNS1): whoever else stands there can't answer for it.
"""

from typing import Any
from urllib.parse import urlsplit

from mine_controller.core.option import Secret

_ADDRESSES = ("api_url", "webhook", "url")  # as the sections call it: telegram and sms, discord, deadman


def hosts(channels: dict[str, Any]) -> frozenset[str]:
    """Of all sections (title -> options), in lower case. An address that can't be read is left to who goes there."""
    found = {_host(options).lower() for options in channels.values()}
    return frozenset(host for host in found if ":" not in host and any(letter.isalpha() for letter in host))


def _host(options: Any) -> str:
    if hasattr(options, "server"):
        return "" if getattr(options, "security", "none") == "none" else str(options.server).partition(":")[0]
    for name in _ADDRESSES:
        told = getattr(options, name, "")
        text = told.reveal() if isinstance(told, Secret) else str(told)
        if text.startswith("https://"):
            try:
                return urlsplit(text).hostname or ""
            except ValueError:
                return ""
    return ""
