"""A pool as the owner wrote it: facts of a [pool name] section."""

from mine_controller.core.option import Secret
from mine_controller.record import NamedTuple


class Pool(NamedTuple):
    """`url` is "stratum+tcp://host:port" in lower case, without a path where it has none."""

    name: str
    url: str
    user: str
    password: Secret = Secret("x")
    coin: str = ""
    fallback: str = ""  # the name of the pool that stands in; "" = none

    @property
    def host(self) -> str:
        """The host alone."""
        return self.url.partition("://")[2].partition("/")[0].rpartition(":")[0]

    @property
    def port(self) -> int:
        """The port alone."""
        return int(self.url.partition("://")[2].partition("/")[0].rpartition(":")[2])
