"""The keys of the configuration, each with its default, its limits and what it means.

A description here is what ``cryohalo config new`` writes above the key. A key that is not here is
refused, in the file and in the environment.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from cryohalo.processes.addresses import LOOPBACK, MAX_ARRAY_BYTES
from cryohalo.processes.ioc_arguments import shipped_file
from pvdb.names import check_prefix
from pvdb.parts.clock import MAX_SPEED

__all__ = [
    "ENVIRONMENT_PREFIX",
    "Amrr",
    "Catalog",
    "Configuration",
    "Epics",
    "Haloscope",
    "History",
    "Instrument",
    "Page",
    "Queue",
]

ENVIRONMENT_PREFIX = "CRYOHALO_"
MAX_SEED = 2**31 - 1
#: What is none of an IOC's options; its port is given by whoever starts it.
_OF_THE_SITE = frozenset({"use", "serve", "host", "port"})

Prefix = Annotated[str, AfterValidator(check_prefix)]
Port = Annotated[int, Field(ge=1, le=65535)]
Frequency = Annotated[float, Field(gt=0.0, le=1e6)]


class _Section(BaseModel):
    """One table of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _nothing(cls, given: Any) -> Any:
        """An empty text is none where there may be none: TOML has no null."""
        if not isinstance(given, dict):
            return given
        optional = {n for n, f in cls.model_fields.items() if f.default is None}
        return {n: None if v == "" and n in optional else v for n, v in given.items()}


class Instrument(_Section):
    """An instrument's IOC: where it listens, and with what ``up`` starts it."""

    prefix: Prefix
    port: Port
    use: bool = Field(default=True, description="false: this site has no such instrument")
    serve: bool = Field(
        default=True,
        description="false: the IOC runs elsewhere (hardware, another host), up starts none",
    )
    host: str = Field(
        default=LOOPBACK,
        pattern=r"^[A-Za-z0-9.-]+$",
        description="name or IPv4 address of where it runs; what `up` starts listens on 127.0.0.1",
    )
    pva_port: Port | None = Field(default=None, description="serve PV Access too, on this port")
    speed: float = Field(
        default=1.0,
        ge=0.0,
        le=MAX_SPEED,
        description="simulated per real second; 0: as fast as can be",
    )
    seed: int = Field(default=0, ge=0, le=MAX_SEED, description="of all its random numbers")
    parameters: Path | None = Field(
        default=None,
        description="TOML file of another simulated machine; a shipped haloscope's name",
    )
    access: Path | None = Field(default=None, description="access security file, instead of ours")

    @model_validator(mode="after")
    def _served_here(self) -> Self:
        if self.serve and self.host != LOOPBACK:
            raise ValueError(f"host {self.host}: an IOC that `up` serves listens on {LOOPBACK}")
        return self

    def of_the_ioc(self) -> dict[str, Any]:
        """What its IOC is started with, by the names of that one's options (``ioc_arguments``)."""
        given = {n: getattr(self, n) for n in type(self).model_fields if n not in _OF_THE_SITE}
        return given | {"pva": given.pop("pva_port")}

    @property
    def address(self) -> str:
        """Where clients look for it, ``host:port``."""
        return f"{self.host}:{self.port}"


class Amrr(Instrument):
    """The refrigerator."""

    prefix: Prefix = Field(default="AMRR:", description="begins every name")
    port: Port = Field(default=15064, description="of Channel Access, UDP and TCP")


class Haloscope(Instrument):
    """The haloscope."""

    prefix: Prefix = Field(default="HALO:", description="begins every name")
    port: Port = Field(default=15066, description="of Channel Access, UDP and TCP")
    blind: Path | None = Field(
        default=None, description="key file of `cryohalo blind seal`, which gives the seed too"
    )

    inject: float | None = Field(
        default=None, gt=0.0, description="hide an axion of this coupling, 1/GeV; not blind"
    )
    inject_band: tuple[Frequency, Frequency] | None = Field(
        default=None, description="between these, MHz, e.g. [1099.8, 1100.2]; the search's band"
    )
    inject_modulated: bool = Field(
        default=False, description="its line follows the laboratory's speed with day and year"
    )
    inject_flow: float | None = Field(
        default=None, gt=0.0, description="a cold flow instead: standard deviation of its line, Hz"
    )

    @field_validator("parameters", mode="before")
    @classmethod
    def _shipped(cls, given: Any) -> Any:
        """One that comes with the package has a name alone, and no file of the site's is meant."""
        return (shipped_file(given) if isinstance(given, str) else None) or given

    @field_validator("inject_band")
    @classmethod
    def _an_interval(cls, given: tuple[float, float] | None) -> tuple[float, float] | None:
        if given is not None and given[0] >= given[1]:
            raise ValueError("the first must be below the second")
        return given

    @model_validator(mode="after")
    def _one_seed(self) -> Self:
        if self.blind is not None and (self.seed or self.inject is not None):
            raise ValueError("what a blind run hides, and its seed, come from its key file (blind)")
        return self

    @model_validator(mode="after")
    def _something_hidden(self) -> Self:
        how = {"inject_band": self.inject_band, "inject_modulated": self.inject_modulated or None,
               "inject_flow": self.inject_flow}  # fmt: skip
        for name, given in how.items():
            if given is not None and self.inject is None:
                raise ValueError(f"{name} hides nothing without inject")
        if self.inject_modulated and self.inject_flow is not None:
            raise ValueError("inject_flow: a flow of one speed is not modulated")
        return self


class Epics(_Section):
    """What Channel Access clients of this site set besides the addresses."""

    repeater_port: Port = Field(
        default=15068, description="`up` stands in for the CA repeater here, unless one is there"
    )
    max_array_bytes: int = Field(
        default=MAX_ARRAY_BYTES, ge=16_384, description="a spectrum of 100 000 points has 800 000"
    )


class Catalog(_Section):
    """Where runs are kept, and shared."""

    folder: Path = Field(
        default=Path("data/runs"), description="folder of the catalog: the record of every run"
    )
    tiled: bool = Field(default=False, description="share them through Tiled, too (extra `tiled`)")
    tiled_port: Port = Field(
        default=15080, description="of the Tiled that `up` serves, on loopback"
    )
    tiled_address: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="http://HOST:PORT of another Tiled; none is served then",
    )
    tiled_key_file: Path | None = Field(
        default=None,
        description="its API key, one line; otherwise tiled/key in state_dir, which `up` makes",
    )
    read: Literal["folder", "tiled"] = Field(
        default="folder", description="where commands read runs: folder, tiled"
    )

    @model_validator(mode="after")
    def _known_key(self) -> Self:
        if self.tiled_address and self.tiled_key_file is None:
            raise ValueError("tiled_address: another server has its own key, give tiled_key_file")
        if self.read == "tiled" and not self.tiled:
            raise ValueError('read = "tiled": nothing is shared, tiled is false')
        return self


class History(_Section):
    """The history of process variables."""

    use: bool = Field(default=True, description="record one")
    port: Port = Field(
        default=15070, description="of the archiver appliance's JSON route, on loopback"
    )
    days: float = Field(default=30.0, gt=0.0, le=36_500.0, description="how long samples are kept")
    commit_s: float = Field(
        default=1.0, gt=0.0, le=60.0, description="between two transactions: what a kill may lose"
    )


class Page(_Section):
    """The web pages, one per instrument."""

    use: bool = Field(default=True, description="serve them (extra `page`)")
    port: Port = Field(default=15072, description="of http, on loopback")
    read_only: bool = Field(default=False, description="nothing can be set, token or not")


class Queue(_Section):
    """Plans in a queue, with the extra of that name."""

    use: bool = Field(default=False, description="have one")
    port: Port = Field(default=15074, description="of the manager's control socket, on loopback")
    info_port: Port = Field(default=15076, description="of its console, on loopback")
    redis_port: Port = Field(default=15078, description="of a Redis of its own, on loopback")
    redis: str = Field(default="", description="HOST:PORT of another Redis; none is started then")


class QueueHttp(_Section):
    """The queue over HTTP with a key, with the extra of that name."""

    use: bool = Field(default=False, description="serve it")
    port: Port = Field(default=15082, description="of http, on loopback")


class Configuration(BaseSettings):
    """The control room of one site.

    Attributes:
        state_dir: Locks, logs, the IOCs' states.
    """

    model_config = SettingsConfigDict(
        extra="forbid",
        frozen=True,
        validate_default=True,
        env_prefix=ENVIRONMENT_PREFIX,
        env_nested_delimiter="__",
    )

    state_dir: Path = Field(
        default=Path("state"),
        description="locks, logs and states; a relative path begins at this file's folder",
    )
    hardware: Path | None = Field(
        default=None,
        description="file of a laboratory's own records: what they are called, which there are not",
    )

    @field_validator("hardware", mode="before")
    @classmethod
    def _no_file(cls, given: Any) -> Any:
        """An empty text is none: TOML has no null."""
        return None if given == "" else given

    amrr: Amrr = Amrr()
    haloscope: Haloscope = Haloscope()
    epics: Epics = Epics()
    catalog: Catalog = Catalog()
    history: History = History()
    page: Page = Page()
    queue: Queue = Queue()
    queue_http: QueueHttp = QueueHttp()

    @property
    def instruments(self) -> dict[str, Instrument]:
        """The instruments that this site has, by the names of their IOCs."""
        every = {"amrr": self.amrr, "haloscope": self.haloscope}
        return {name: one for name, one in every.items() if one.use}

    @property
    def history_file(self) -> Path:
        """Where the history is."""
        return self.state_dir / "history" / "history.sqlite"

    @property
    def tiled_folder(self) -> Path:
        """Where the Tiled that ``up`` serves keeps its data, and what delivers to it its ledger."""
        return self.state_dir / "tiled"

    @property
    def tiled_key(self) -> Path:
        """Where Tiled's API key is."""
        return self.catalog.tiled_key_file or self.tiled_folder / "key"

    @property
    def tiled_address(self) -> str:
        """Where Tiled is, served here or not."""
        return self.catalog.tiled_address or f"http://{LOOPBACK}:{self.catalog.tiled_port}"

    @property
    def queue_wanted(self) -> Path:
        """Where it stands whether the queue is to go."""
        return self.state_dir / "queue" / "wanted.json"

    @property
    def queue_key(self) -> Path:
        """Where the key of the queue over HTTP is."""
        return self.state_dir / "queue" / "http.key"

    def ports(self) -> list[tuple[str, int]]:
        """Every port that ``up`` listens on, with the key that chose it."""
        found = [("epics.repeater_port", self.epics.repeater_port)]
        for name, one in self.instruments.items():
            if one.serve:
                found.append((f"{name}.port", one.port))
                if one.pva_port is not None:
                    found.append((f"{name}.pva_port", one.pva_port))
        if self.history.use:
            found.append(("history.port", self.history.port))
        if self.page.use:
            found.append(("page.port", self.page.port))
        if self.catalog.tiled:
            found.append(("catalog.tiled_port", self.catalog.tiled_port))
        if self.queue.use:
            found.append(("queue.port", self.queue.port))
            found.append(("queue.info_port", self.queue.info_port))
            if not self.queue.redis:
                found.append(("queue.redis_port", self.queue.redis_port))
        if self.queue_http.use:
            found.append(("queue_http.port", self.queue_http.port))
        return found

    @model_validator(mode="after")
    def _apart(self) -> Self:
        prefixes = Counter(one.prefix for one in self.instruments.values())
        if twice := [prefix for prefix, count in prefixes.items() if count > 1]:
            raise ValueError(f"prefix {twice[0]!r} is that of both instruments")
        if self.queue_http.use and not self.queue.use:
            raise ValueError("queue_http.use: there is no queue; use = true in [queue]")
        taken: dict[int, str] = {}
        for key, port in self.ports():
            if port in taken:
                raise ValueError(f"{key} = {port} is {taken[port]} too")
            taken[port] = key
        return self
