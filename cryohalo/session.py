"""A ready session: RunEngine, catalog and both instruments' devices, put together once.

>>> session = Session.open("data/runs", amrr_prefix="AMRR:", halo_prefix="HALO:")
>>> session.run(scan(session.haloscope, ...))
>>> session.catalog[-1].table("measured_cavity_frequency")

The session sees process variables only: point the prefixes at a real IOC that serves the same names
and nothing here changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from bluesky import RunEngine
from bluesky.run_engine import RunEngineResult
from bluesky.utils import MsgGenerator

from cryohalo.catalog import Catalog, DocumentWriter
from cryohalo.outcome import Outcome
from cryohalo.provenance import operator, provenance
from cryohalo.run_engine import close_run_engine, make_run_engine

if TYPE_CHECKING:
    from cryohalo.publish import Publisher
    from cryohalo.searching.apart import AnalysisApart
    from devices.amrr import Refrigerator
    from devices.haloscope import Haloscope
    from haloscope.analysis.options import Options

Instrument = TypeVar("Instrument")

#: How long an instrument's process variables may take to connect, wall-clock seconds.
CONNECTION_TIMEOUT_S = 20.0


class NotConnectedError(RuntimeError):
    """The session was opened without this instrument."""


def _connected(instrument: Instrument | None, name: str) -> Instrument:
    if instrument is None:
        raise NotConnectedError(f"this session was opened without the {name}'s prefix")
    return instrument


def _made_with(
    hardware: Path | str | None, prefixes: Mapping[str, str | None]
) -> dict[str, dict[str, Any]]:
    """What each instrument's device is made with, by the laboratory's file."""
    if hardware is None:
        return {name: {} for name in prefixes}
    from cryohalo.hardware.file import read_hardware

    read = read_hardware(hardware)
    return {name: read.arguments(name, prefix or "") for name, prefix in prefixes.items()}


@dataclass
class Session:
    """What an operator has at hand; close it, or use it as a context manager.

    Attributes:
        run_engine: The RunEngine, whose documents go to the catalog before any other consumer.
        catalog: The runs recorded so far.
    """

    run_engine: RunEngine
    catalog: Catalog
    writer: DocumentWriter
    _refrigerator: Refrigerator | None = None
    _haloscope: Haloscope | None = None
    _publisher: Publisher | None = None
    _made_with: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    _analyses: list[AnalysisApart] = field(default_factory=list)

    @property
    def refrigerator(self) -> Refrigerator:
        """The AMRR's devices.

        Raises:
            NotConnectedError: The session was opened without its prefix.
        """
        return _connected(self._refrigerator, "refrigerator")

    @property
    def haloscope(self) -> Haloscope:
        """The haloscope's devices.

        Raises:
            NotConnectedError: The session was opened without its prefix.
        """
        return _connected(self._haloscope, "haloscope")

    @classmethod
    def open(
        cls,
        catalog: Path | str,
        *,
        amrr_prefix: str | None = None,
        halo_prefix: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        publish_limits: bool = False,
        suspenders: bool = True,
        connect: bool = True,
        simulated: bool = False,
        blind: Path | str | None = None,
        hardware: Path | str | None = None,
    ) -> Session:
        """Assemble a session and wait until every process variable is connected.

        Args:
            catalog: Folder of the catalog; made if absent.
            amrr_prefix: Prefix of the refrigerator's IOC, with its colon.
            halo_prefix: Prefix of the haloscope's IOC, with its colon.
            metadata: Goes into every start document, e.g. ``{"operator": "...", "sample": "..."}``;
                the operator is who is logged in unless it says otherwise.
            publish_limits: Run the online analysis too, and publish its limit; see
                ``cryohalo.publish``, which puts what was measured to the haloscope's IOC.
            suspenders: Hold every plan while a quench is latched, the mixing chamber is warm, the
                amplifier or the interlock reports a fault, or an IOC is lost, on either instrument;
                see ``plans.shared.safety.suspenders`` and ``unsuspended``.
            connect: Wait. Without it the devices are there to be looked at, unconnected, and there
                are no suspenders and is no publisher.
            simulated: Both instruments' physics in this process stand in for the IOCs, for those
                whose prefix is given: to try plans without any. Simulated time passes only while a
                plan waits.
            blind: Key file of ``cryohalo blind seal``: what it hides is in the field of the
                simulated haloscope. Documents and devices are blind to it; see
                ``devices.simulated.haloscope``.
            hardware: File that says what a laboratory's own records are called and which it does
                not have; see ``cryohalo.hardware.file``.

        Raises:
            TimeoutError: Some process variables do not connect; the message names them.
            ValueError: ``blind`` without a simulated haloscope, in whose field it would be.
            KeyFileError: The key file cannot be read, others may read it, or it is none.
            HardwareError: That file cannot be used; the message says all that is wrong with it.
        """
        if blind is not None and not (simulated and halo_prefix):
            raise ValueError(
                "blind: what is hidden is in the simulated haloscope's field: simulated=True and "
                "halo_prefix are needed; an IOC is started with its own --blind"
            )
        made_with = _made_with(hardware, {"amrr": amrr_prefix, "haloscope": halo_prefix})
        writer = DocumentWriter(catalog)
        about = {"operator": operator(), **provenance(), **(metadata or {})}
        engine = make_run_engine(metadata=about)
        engine.subscribe(writer)
        session = cls(engine, Catalog(catalog), writer, _made_with=made_with)
        try:
            if simulated:
                session._simulate(amrr_prefix, halo_prefix, blind)
            else:
                (session._connect if connect else session._make)(amrr_prefix, halo_prefix)
            if halo_prefix is not None and connect and not simulated and hardware is None:
                session._publish_to(halo_prefix, publish_limits)
            if suspenders and connect:
                session.install_suspenders()
        except BaseException:  # Ctrl-C too: no thread and no channel may stay behind
            session.close()
            raise
        return session

    def _connect(self, amrr_prefix: str | None, halo_prefix: str | None) -> None:
        from devices.hardware.leaving_out import unwatched_in

        self._make(amrr_prefix, halo_prefix)
        for name, instrument in self.instruments().items():
            instrument.connect(CONNECTION_TIMEOUT_S)
            if unwatched := unwatched_in(instrument):
                self.run_engine.md.setdefault("unwatched", {})[name] = unwatched

    def _make(self, amrr_prefix: str | None, halo_prefix: str | None) -> None:
        if amrr_prefix is not None:
            from devices.amrr import Refrigerator

            self._refrigerator = Refrigerator(
                amrr_prefix, name="refrigerator", **self._made_with.get("amrr", {})
            )
        if halo_prefix is not None:
            from devices.haloscope import Haloscope

            self._haloscope = Haloscope(
                halo_prefix, name="haloscope", **self._made_with.get("haloscope", {})
            )

    def _simulate(
        self, amrr_prefix: str | None, halo_prefix: str | None, blind: Path | str | None
    ) -> None:
        if amrr_prefix is not None:
            from devices.simulated.amrr import Refrigerator

            self._refrigerator = Refrigerator(amrr_prefix, name="refrigerator")
        if halo_prefix is not None:
            from devices.simulated.haloscope import Haloscope
            from haloscope.apparatus.blinding import BlindKey

            key = None if blind is None else BlindKey.read(Path(blind))
            self._haloscope = Haloscope(halo_prefix, name="haloscope", blind=key)

    def instruments(self) -> dict[str, Refrigerator | Haloscope]:
        """The instruments of this session by name."""
        both = {"refrigerator": self._refrigerator, "haloscope": self._haloscope}
        return {name: device for name, device in both.items() if device is not None}

    def install_suspenders(self) -> None:
        """Hold plans while an instrument of this session is in no state for them."""
        from plans.shared.safety import suspenders

        for instrument in self.instruments().values():
            for suspender in suspenders(instrument):
                self.run_engine.install_suspender(suspender)

    @contextmanager
    def unsuspended(self) -> Iterator[None]:
        """Lift the suspenders: what ends a quench or a fault must run while it stands.

        >>> with session.unsuspended():
        ...     session.run_engine(recover_from_quench(session.refrigerator))
        """
        lifted = self.run_engine.suspenders
        self.run_engine.clear_suspenders()
        try:
            yield
        finally:
            for suspender in lifted:
                self.run_engine.install_suspender(suspender)

    def _publish_to(self, prefix: str, limits: bool) -> None:
        """Subscribe the publisher, after the catalog's writer, if the IOC serves its group."""
        from cryohalo.publish import Publisher

        self._publisher = Publisher(prefix, limits=limits)
        if self._publisher.served():
            self.run_engine.subscribe(self._publisher)

    def run(self, plan: MsgGenerator, **metadata: Any) -> Outcome:
        """Run a plan to its end.

        Returns:
            What the plan returned (``value``) and the runs it recorded, as the catalog holds them
            (``runs``). It is also the sequence of those runs: ``(run,) = session.run(plan)``.
        """
        result = self.run_engine(plan, **metadata)
        assert isinstance(result, RunEngineResult)  # as ``make_run_engine`` has it
        runs = tuple(self.catalog[uid] for uid in result.run_start_uids)
        value = result.plan_result
        return Outcome(runs, None if value is self.run_engine.NO_PLAN_RETURN else value)

    def recover(self, plan: MsgGenerator, **metadata: Any) -> Outcome:
        """Run a plan that ends a quench or a fault while it stands, the suspenders lifted.

        >>> session.recover(recover_from_quench(session.refrigerator))
        """
        with self.unsuspended():
            return self.run(plan, **metadata)

    def analysis(self, options: Options) -> AnalysisApart:
        """The online analysis of a campaign, in a process that ends with it or with the session.

        It tells the page how the search stands.

        >>> session.run(campaign(session.haloscope, "2026", analysing=session.analysis))
        """
        from cryohalo.searching.apart import AnalysisApart

        made = AnalysisApart(
            options, lambda uid: self.catalog[uid].documents(), self.catalog.root.absolute()
        )
        self._analyses = [*(one for one in self._analyses if not one.worker.lost), made]
        return made

    def close(self) -> None:
        """End a plan that is paused, the RunEngine, the process variables, the catalog's files.

        All of it is done, whatever of it fails; the first failure is raised at the end.

        Raises:
            TimeoutError: The RunEngine's thread did not end.
        """
        with ExitStack() as ends:  # run from the last to the first
            ends.callback(self.writer.close)
            for analysis in self._analyses:
                ends.callback(analysis.close)
            if self._publisher is not None:
                ends.callback(self._publisher.close)
            for instrument in self.instruments().values():
                bench = getattr(instrument, "bench", None)
                if bench is not None:  # its physics is in this process
                    ends.callback(bench.close)
                ends.callback(instrument.destroy)
            ends.callback(close_run_engine, self.run_engine)
            ends.callback(self._end_paused_plan)
            ends.callback(self.run_engine.clear_suspenders)

    def _end_paused_plan(self) -> None:
        """Abort it: its clean-up leaves the instrument safe, which nobody could do later."""
        if self.run_engine.state == "paused":
            self.run_engine.abort("the session was closed while it was paused")

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def namespace(session: Session) -> dict[str, Any]:
    """The names an interactive session starts with: ``RE``, ``catalog``, devices, plans."""
    import bluesky.plan_stubs as bps
    import bluesky.plans as bp

    names: dict[str, Any] = {
        "session": session,
        "RE": session.run_engine,
        "catalog": session.catalog,
    }
    return {**names, **session.instruments(), "bp": bp, "bps": bps, **dict(_plans())}


def _plans() -> Iterator[tuple[str, Any]]:
    """The plans, and what one needs to try, guard and accompany them."""
    from haloscope.measuring.tolerances import Tolerances
    from plans.offered import offered
    from plans.shared.baseline import baseline
    from plans.shared.rehearsal import rehearse
    from plans.shared.safety import suspenders

    things: tuple[Any, ...] = (*offered(), rehearse, suspenders, baseline, Tolerances)
    for thing in things:
        yield thing.__name__, thing
