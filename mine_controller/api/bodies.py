"""What may be sent, and how it is checked before anybody looks at it. Texts are one printable line each."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

YEAR_S = 366 * 86_400
LATEST_S = 253_402_300_799  # the end of the year 9999
SHOWN_MOST = 1000
FEW = 2000


PRINTABLE = r"^[^\x00-\x1f\x7f-\x9f]*$"  # as far as a pattern can say it, for whoever reads the schema


def _line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("must be one line of printable text")
    return text


Line = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200, pattern=PRINTABLE), AfterValidator(_line)
]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,31}$")]
# A name with spaces is what people call it: the section is named after it, with dashes.
Called = Annotated[Name, BeforeValidator(lambda text: "-".join(text.split()) if isinstance(text, str) else text)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,29}$")]
Seconds = Annotated[int, Field(ge=1, le=YEAR_S)]
Value = Line | Annotated[float, Field(strict=True, allow_inf_nan=False, ge=-1e9, le=1e9)]  # strict: true is no 1
Moment = Annotated[int, Field(ge=0, le=LATEST_S)]


class Body(BaseModel):
    """A field that is not known is told, never passed over."""

    model_config = ConfigDict(extra="forbid")


class Because(Body):
    """`reason` stands in the audit log, and in the banner."""

    reason: Line = ""


class Timed(Because):
    """`for_s`: how long; left out, until changed (on a live site at most 4 h)."""

    for_s: Seconds | None = None


class Who(Because):
    """`ids` are macs, serials or addresses; or a `filter` says who."""

    ids: Annotated[list[Line], Field(max_length=FEW)] | None = None
    filter: "Filter | None" = None


class Filter(Body):
    """Everybody that fits all of it; `all` alone is everybody."""

    model: Line = ""
    row: Line = ""
    group: Line = ""
    all: bool = False


class WhoMode(Who):
    """A mode for many."""

    mode: Word


class Miner(Because):
    """Lines of fleet.csv (name, row, outlet, nominal_w, protected: admin) and what is wanted of it."""

    name: Line | None = None
    row: Line | None = None
    outlet: Line | None = None
    nominal_w: Annotated[int, Field(ge=1, le=20_000)] | None = None
    protected: bool | None = None
    enabled: bool | None = None
    mode: Word | None = None
    pool: Name | None = None


class Search(Body):
    """Without a subnet the networks of the fleet's own sections. `add` lists the new ones (admin)."""

    subnet: Line | None = Field(default=None, examples=["10.0.0.0/24"])
    add: bool = False


class BandChange(Because):
    """What is left out stays; "" goes back to the default. `bitaxe_mode`, `avalon_nano_mode`: "" leaves it as it is."""

    max_price: Annotated[float, Field(allow_inf_nan=False, ge=-1000, le=10_000)] | None = None
    target_coin: Line | None = None
    pool: Line | None = None
    bitaxe_mode: Word | Annotated[str, Field(pattern="^$")] | None = None
    nerdqaxe_mode: Word | Annotated[str, Field(pattern="^$")] | None = None
    avalon_nano_mode: Word | Annotated[str, Field(pattern="^$")] | None = None


class PoolChange(Because):
    """What is left out stays. `wallet` is the worker's name there; nobody reads it or the password back."""

    url: Line | None = Field(default=None, examples=["stratum+tcp://pool.example"])
    port: Annotated[int, Field(ge=1, le=65_535)] | None = None
    wallet: Line | None = None
    password: Line | None = None
    coin: Line | None = None
    fallback: Line | None = None


class NewPool(PoolChange):
    """A pool that is not there yet. "Solopool DGB" becomes the section [pool Solopool-DGB]."""

    name: Called
    url: Line = Field(examples=["stratum+tcp://pool.example:3333"])
    wallet: Annotated[Line, Field(min_length=1)]


class NewProfile(Because):
    """A preset: as the miner `from_id` runs now, or of a kind, with settings of one's own."""

    name: Name
    from_id: Line | None = None
    kind: Word | None = None
    frequency_mhz: Annotated[int, Field(ge=1, le=100_000)] | None = None
    core_voltage_mv: Annotated[int, Field(ge=1, le=100_000)] | None = None
    mode: Word | None = None
    fan: Line | None = None
    replace: bool = False


class Signal(Timed):
    """`stand_in`: counts while the page can't be read · `accept_penalty`: against it; both need the site's name."""

    value: Line
    reason: Annotated[Line, Field(min_length=1)]
    stand_in: bool = False
    accept_penalty: bool = False
    site: Line = ""


class Raw(Timed):
    """Any key of set-state."""

    key: Line
    value: Value
    reason: Annotated[Line, Field(min_length=1)]


class One(Body):
    """One key of set-state, with the flags that `signal` may take."""

    key: Line
    value: Value
    for_s: Seconds | None = None
    stand_in: bool = False
    accept_penalty: bool = False
    site: Line = ""


class Try(Because):
    """`sets`: what would be set; `clears`: keys that would be given back ("--all": every one)."""

    sets: Annotated[list[One], Field(max_length=50)] = Field(default_factory=list)
    clears: Annotated[list[Line], Field(max_length=50)] = Field(default_factory=list)


class Clear(Because):
    """A key of set-state that is given back to what is measured or decided; left out, every one."""

    key: Line = "--all"


class Edit(Body):
    """One line of config.txt. `value` null takes the line out; no `option`: the whole section goes."""

    section: Line
    option: Line = ""
    value: Annotated[str, Field(max_length=2000, pattern=PRINTABLE)] | None = None


class Edits(Because):
    """`sha` is the config they were made on, as GET /api/config told it: another one is refused."""

    sha: Line
    changes: Annotated[list[Edit], Field(min_length=1, max_length=400)]


class OneBand(Body):
    """A band as it is to be; what is left out or empty has its default. No `max_price`: the dearest."""

    id: Name
    max_price: Annotated[float, Field(allow_inf_nan=False, ge=-1000, le=10_000)] | None = None
    target_coin: Line = ""
    pool: Line = ""
    modes: Annotated[list[Line], Field(max_length=40)] = Field(default_factory=list)


class Bands(Because):
    """Every band there shall be, dear first; one that is not named goes."""

    bands: Annotated[list[OneBand], Field(min_length=1, max_length=40)]


class NewBand(BandChange):
    """A band that is not there yet."""

    id: Name
    max_price: Annotated[float, Field(allow_inf_nan=False, ge=-1000, le=10_000)]


class Keyed(Timed):
    """`value`, or keys of set-state with their values."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Value] = Field(init=False)

    value: Value | None = None
    reason: Annotated[Line, Field(min_length=1)]


def told(value: Any) -> str:
    """A value as it is typed: 39, not 39.0."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)
