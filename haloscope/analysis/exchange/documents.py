"""From the documents of a catalog to a stack of spectra.

Reads plain bluesky documents ``(name, dict)`` of the scan's stream "primary"; needs no bluesky.
Units of the event keys (MHz, kHz, dB) end here: the analysis is in SI. Runs with different receiver
gains are brought to the gain of the first one, since a stack has one calibration. What a run did
not measure is the letter's or left out, and ``Calibration.assumed`` names it. A scan's keys begin
with its instrument's name, those of older runs do not: ``haloscope.analysis.exchange.keys``.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from haloscope.analysis.apparatus import (
    Apparatus,
    apparatus_of,
    crossings_of,
    same_apparatus,
)
from haloscope.analysis.calibration import combined
from haloscope.analysis.exchange.calibrations import calibration_of, unmeasured
from haloscope.analysis.exchange.events import MEASURED, Event, stack
from haloscope.analysis.exchange.keys import FIELD_OFF, instrument_of
from haloscope.analysis.exchange.pieces import SPECTRUM, START_MHZ, STEP_HZ, TARGET_MHZ, Piece
from haloscope.analysis.exchange.tracked import tracked
from haloscope.analysis.options import Options
from haloscope.analysis.ranges import SCALARS
from haloscope.analysis.recorded import finite, group, number, spectrum
from haloscope.analysis.scratch import Scratch
from haloscope.analysis.spectra import Calibration, Spectra
from haloscope.crossing import tm_share
from instruments.printable import escaped

Document = tuple[str, Mapping[str, Any]]

STREAM = "primary"
_EXACT: dict[str, tuple[str, float]] = {
    "target_frequency_hz": (TARGET_MHZ, 1e6),
    "num_averages": ("daq_num_averages", 1.0),
    "magnet_field_t": ("magnet_field", 1.0),
}
#: The part of beta's error that no trace tells: what may leak past the circulators.
_LEAK = "measured_beta_systematic"

#: Between runs of one analysis; more is no change of a receiver.
LARGEST_GAIN_CHANGE_DB = 100.0


class MissingMeasurementError(ValueError):
    """An event lacks a value that the analysis needs; the message names the run, event and key."""


@dataclass
class DocumentReader:
    """Follows the documents of one or many runs and turns scan events into ``Event``.

    Attributes:
        options: Sets how much of each spectrum is kept; None keeps all of it.
        drop: Labels (run and sequence number, ``1a2b3c4d:57``) of events that are passed over.
        dropped: Those of them that were met.
        starts: Start documents seen, by run.
        scans: Runs that gave events, in order.
        field_off: Take the events of runs with the field off, which are no part of a search, and of
            those alone; else of all others.
    """

    options: Options | None = None
    drop: Collection[str] = ()
    dropped: set[str] = field(default_factory=set)
    starts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    scans: list[str] = field(default_factory=list)
    field_off: bool = False
    _run_of: dict[str, str] = field(default_factory=dict)
    _scanned: set[str] = field(default_factory=set)
    _reference: Mapping[str, Any] | None = None
    _apparatus: dict[str, Apparatus] = field(default_factory=dict)

    def read(self, name: str, document: Mapping[str, Any]) -> list[Event]:
        """Take one document; the scan events in it, usually none or one.

        Raises:
            MissingMeasurementError: An event has a spectrum but lacks a measured value.
            AmbiguousFieldError: An event has spectra of two instruments.
            ValueError: A value is no number, or the spectrum no row of them; names event and key.
        """
        if name == "start":
            self.starts[document["uid"]] = document
        elif name == "descriptor" and document.get("name", STREAM) == STREAM:
            self._run_of[document["uid"]] = document["run_start"]
        elif name == "event" and document["descriptor"] in self._run_of:
            times = [document.get("time")]
            return self._events([document["data"]], [document["seq_num"]], times,
                                document["descriptor"])  # fmt: skip
        elif name == "event_page" and document["descriptor"] in self._run_of:
            columns = document["data"]
            rows = [
                {key: column[row] for key, column in columns.items()}
                for row in range(len(document["seq_num"]))
            ]
            times = document.get("time") or [None] * len(rows)
            return self._events(rows, document["seq_num"], times, document["descriptor"])
        return []

    def calibration(self) -> Calibration:
        """Calibration of the first run that carries one; marks what any scan did not measure.

        Raises:
            ValueError: A recorded value is not finite.
        """
        receiver = self.apparatus().description.receiver
        first = calibration_of(self._first_recorded(), receiver)
        others = [group(self.starts.get(run, {}), "calibration") for run in self.scans]
        used = [first, *(calibration_of(one, receiver) for one in others if one)]
        return combined(used).assuming(*(name for one in others for name in unmeasured(one)))

    def apparatus(self) -> Apparatus:
        """Apparatus of the scans read.

        Raises:
            ValueError: They come from different apparatus.
        """
        found = [self._apparatus_of(run) for run in self.scans]
        return same_apparatus(found or [apparatus_of({})])

    def _apparatus_of(self, run: str) -> Apparatus:
        if run not in self._apparatus:
            self._apparatus[run] = apparatus_of(self.starts.get(run, {}))
        return self._apparatus[run]

    def _first_recorded(self) -> Mapping[str, Any]:
        """The first calibration that has everything, else the first of any kind.

        Runs of a calibration carry the part of it that they need. What powers are brought to stays
        what it was for the first of them.
        """
        if self._reference is not None:
            return self._reference
        found = [one for start in self.starts.values() if (one := group(start, "calibration"))]
        whole = (one for one in found if not unmeasured(one))
        return next(whole, found[0] if found else {})

    def stack(self, events: Sequence[Event], scratch: Scratch | None = None) -> Spectra:
        """A stack of events, the calibrations known by now brought to each.

        Args:
            events: One or more.
            scratch: Where their power is; None if they hold it.

        Raises:
            ValueError: As ``stack``; or a calibration cannot be used.
        """
        plain = stack(events, self.calibration(), self.apparatus(), scratch=scratch)
        return tracked(plain, [event.run for event in events], self.starts)

    def _events(
        self,
        rows: Sequence[Mapping[str, Any]],
        numbers: Sequence[int],
        times: Sequence[object],
        descriptor: str,
    ) -> list[Event]:
        run = self._run_of[descriptor]
        if (self.starts.get(run, {}).get("purpose") == FIELD_OFF) != self.field_off:
            return []
        events = []
        for data, count, time in zip(rows, numbers, times, strict=True):
            instrument = instrument_of(data, SPECTRUM)
            if instrument is not None:
                own = {key.removeprefix(instrument): value for key, value in data.items()}
                label = f"{run[:8]}:{count}"
                if label in self.drop:
                    self.dropped.add(label)
                    continue
                events.append(self._event(own, label, run, time))
        if events and run not in self._scanned:
            self._scanned.add(run)
            self.scans.append(run)
        return events

    def _event(self, data: Mapping[str, Any], label: str, run: str, time: object) -> Event:
        values = {name: _value(data, key, label) * unit for name, (key, unit) in _EXACT.items()}
        values["time_s"] = 0.0 if time is None else number(time, f"event {label}: time")
        errors = {}
        for name, (key, unit) in MEASURED.items():
            values[name] = _value(data, key, label) * unit
            if data.get(f"{key}_error") is not None:
                errors[name] = number(data[f"{key}_error"], f"event {label}: {key}_error") * unit
        if data.get(_LEAK) is not None:
            errors["beta_systematic"] = number(data[_LEAK], f"event {label}: {_LEAK}")
        step = _value(data, STEP_HZ, label)
        SCALARS["step_hz"].demand(step, f"event {label}: {STEP_HZ}")
        start = finite(_value(data, START_MHZ, label) * 1e6, f"event {label}: {START_MHZ}")
        finite(values["target_frequency_hz"], f"event {label}: {TARGET_MHZ}")
        whole, what = data[SPECTRUM], f"event {label}: {SPECTRUM}"
        piece = whole if isinstance(whole, Piece) else Piece.of_all(spectrum(whole, what))
        first, bins = piece.around(start, step, values["target_frequency_hz"], self.options)
        power = piece.values(first, bins).astype(np.float64) / self._relative_gain(run)
        start, values["first_bin"] = start + first * step, float(first)
        crossings = crossings_of(self.starts.get(run, {}))
        pull_hz = self._apparatus_of(run).description.operation.crossing_pull_hz
        share = float(tm_share(values["cavity_frequency_hz"], crossings, pull_hz))
        return Event(power.astype(np.float32), start, step, values, errors, label, share, run)

    def _relative_gain(self, run: str) -> float:
        """Receiver gain of this run over that of the calibration in use."""
        own = group(self.starts.get(run, {}), "calibration").get("receiver_gain_db")
        if own is None:
            return 1.0
        if self._reference is None:
            self._reference = self._first_recorded()
        receiver = self._apparatus_of(run).description.receiver
        reference = calibration_of(self._reference, receiver).receiver_gain_db
        assert reference is not None  # Calibrations from documents have a gain.
        difference_db = finite(own, f"run {run[:8]}: receiver_gain_db") - reference
        if abs(difference_db) > LARGEST_GAIN_CHANGE_DB:
            raise ValueError(
                f"run {run[:8]}: receiver_gain_db is {difference_db:+.6g} dB from that of the "
                f"first run, at most {LARGEST_GAIN_CHANGE_DB:g} dB"
            )
        return float(10 ** (difference_db / 10))


def _value(data: Mapping[str, Any], key: str, label: str) -> float:
    value = data.get(key)
    if value is None:
        raise MissingMeasurementError(f"event {label}: no {key}, which the analysis needs")
    return number(value, f"event {label}: {key}")


def bins_of(
    documents: Iterable[Document], drop: Collection[str] = ()
) -> tuple[float, float] | None:
    """Bin width and target frequency of the first scan event, Hz; None without one.

    Raises:
        ValueError: It cannot be used; names it.
    """
    reader = DocumentReader(None, drop)
    for name, document in documents:
        for event in reader.read(name, document):
            return event.step_hz, event.values["target_frequency_hz"]
    return None


def demand_met(drop: Collection[str], dropped: Collection[str]) -> None:
    """Refuse labels to drop that no spectrum has.

    Raises:
        ValueError: Names the first.
    """
    unknown = [label for label in drop if label not in dropped]
    if unknown:
        raise ValueError(
            f"no spectrum is called {escaped(unknown[0], 60)!r}: it cannot be left out"
        )


def spectra_from_documents(
    documents: Iterable[Document],
    options: Options | None = None,
    *,
    whole: bool = False,
    drop: Collection[str] = (),
    field_off: bool = False,
) -> Spectra:
    """Read the documents of one or many scans.

    The windows of more spectra than memory should hold are kept in a temporary file (module
    ``scratch``).

    Args:
        documents: Pairs (name, document) in the order they were emitted.
        options: Its window is what is kept of each spectrum.
        whole: Keep whole spectra (a campaign of them takes 0.8 GB).
        drop: Labels of events that are left out, whatever is in them.
        field_off: Read the runs with the field off among them, and those alone; they are no part of
            a search and are left out otherwise.

    Raises:
        MissingMeasurementError: An event lacks a measured value.
        SameDataError: A spectrum is in them twice, as of one run read twice.
        ValueError: No scan event among the documents, or one that cannot be used; names it.
        OSError: There is no room for temporary files.
    """
    reader = DocumentReader(None if whole else options or Options(), drop, field_off=field_off)
    with Scratch() as scratch:
        events = [
            event.moved(scratch)
            for name, document in documents
            for event in reader.read(name, document)
        ]
        demand_met(drop, reader.dropped)
        spectra = reader.stack(events, scratch)
    spectra.demand_distinct()
    return spectra
