"""Puts what a run measured last to the group ``Measured`` of the haloscope's IOC.

With it goes what is forecast of a scan while it runs: its end, and with the online analysis the
coupling that it will exclude (``haloscope.planning.live``). Screens, archivers and alarm handlers
then see gain, coupling and limit beside the raw readings. A run never waits for it and never fails
by it: values go out without completion, and are dropped while the PVs are not connected. An IOC
that does not serve the group is left alone.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import ophyd  # noqa: F401  (first: it chooses the Channel Access library that pyepics loads)
from epics import PV

from devices.signals.burst import send_numbers
from haloscope.analysis.exchange.keys import key_of, value_in
from haloscope.planning.live import LiveForecast
from instruments.printable import escaped

if TYPE_CHECKING:
    from haloscope.analysis.online import Online
    from haloscope.analysis.options import Options
    from haloscope.analysis.update import OnlineUpdate

log = logging.getLogger("cryohalo.publish")

#: Field of an event, without its instrument's name: PV of the group; the units are the same.
NAMES: Final = {
    "measured_jpa_gain": "JPAGain",
    "measured_beta": "Beta",
    "measured_loaded_q": "LoadedQ",
    "measured_cavity_frequency": "CavityFrequency",
    "measured_target_frequency": "TargetFrequency",
}
LIMIT, EXCESS = "LimitCoupling", "HighestExcess"
END, LEFT, REACH = "CampaignEnd", "CampaignLeft", "ForecastCoupling"
LIMIT_UNIT_PER_GEV: Final = 1e-15
#: How long an IOC whose other PVs are connected may take to answer for these (assumed).
SERVED_WITHIN_S: Final = 2.0
#: What a put may wait for a channel that was connected a moment ago.
_NO_WAIT_S: Final = 0.001
_FOR_LIMITS: Final = frozenset({"daq_spectrum", "measured_target_frequency"})


class Publisher:
    """A bluesky callback: ``RE.subscribe(publisher)``.

    Args:
        prefix: Of the haloscope's IOC, with its colon.
        limits: Also run the online analysis on spectra of scans, and publish the limit and the
            highest excess of the bins that the newest spectrum touched. It runs in the callback,
            tens of milliseconds for each spectrum.
    """

    def __init__(self, prefix: str, *, limits: bool = False) -> None:
        # Bare channels: ophyd's signals fetch metadata that nobody needs here.
        self._channels = {
            name: PV(
                f"{prefix}Measured:{name}",
                auto_monitor=False,
                form="native",
                connection_timeout=_NO_WAIT_S,
            )
            for name in (*NAMES.values(), LIMIT, EXCESS, END, LEFT, REACH)
        }
        self._live = LiveForecast()
        self._online = self._analysis() if limits else None
        self._start: Mapping[str, Any] = {}
        self._scans: set[str] = set()

    def _analysis(self, options: Options | None = None) -> Online:
        from haloscope.analysis.online import Online  # 0.5 s: only when asked for
        from haloscope.analysis.update import highest

        def publish(update: OnlineUpdate) -> None:
            self._live.updated(update)
            self.publish_limit(update, highest(update)[1])

        return Online(options, publish=publish, keep=False)

    def _suit(self, start: Mapping[str, Any]) -> None:
        """Analyse as the apparatus of a run asks for; of another one all begins anew."""
        from haloscope.analysis.apparatus import described
        from haloscope.analysis.live import options_for

        known = described(start)
        if known is not None and self._online is not None:
            options = options_for(known)
            if options != self._online.options:
                self._online = self._analysis(options)

    def served(self, timeout_s: float = SERVED_WITHIN_S) -> bool:
        """Whether the IOC serves the group; waits up to ``timeout_s`` wall-clock seconds."""
        return bool(self._channels["JPAGain"].wait_for_connection(timeout=timeout_s))

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document of a run; what goes wrong is logged, and the run goes on."""
        try:
            if name == "event":
                self._publish_measured(document["data"])
            if self._online is not None:
                self._analyze(name, document)
            self._publish_forecast(name, document)
        except Exception as error:  # a field of two instruments, a reading that is no number
            log.warning("a %s document is not published: %s", name, escaped(error))

    def _publish_measured(self, data: Mapping[str, Any]) -> None:
        found = {pv: value_in(data, field) for field, pv in NAMES.items()}
        self._publish({pv: value for pv, value in found.items() if value is not None})

    def publish_limit(self, update: OnlineUpdate, excess: float) -> None:
        """Publish what one spectrum changed: the median limit and the highest excess (sigma)."""
        values = {EXCESS: excess}
        if update.limit is not None:
            values[LIMIT] = float(np.median(update.limit.coupling_per_gev)) / LIMIT_UNIT_PER_GEV
        self._publish(values)

    def _publish_forecast(self, name: str, document: Mapping[str, Any]) -> None:
        """Publish what is left of a scan after each of its steps."""
        before = self._live.steps
        self._live(name, document)
        outlook = self._live.outlook if self._live.steps > before else None
        if outlook is not None:
            reach = outlook.coupling_per_gev / LIMIT_UNIT_PER_GEV
            self._publish({END: outlook.end_s, LEFT: outlook.left_s, REACH: reach})

    def close(self) -> None:
        """Leave the process variables."""
        for channel in self._channels.values():
            channel.disconnect()

    def _publish(self, values: Mapping[str, float]) -> None:
        puts = []
        for name, value in values.items():
            channel = self._channels[name]
            try:
                # No look at limits here: what the IOC does not take it refuses, and says so there.
                if math.isfinite(value) and channel.connected:
                    puts.append((channel, float(value)))
            except Exception as error:  # no number
                _tell(channel, value, error)
        for channel, number, reason in send_numbers(puts):
            _tell(channel, number, reason)  # the PV went away, or may not be written

    def _analyze(self, name: str, document: Mapping[str, Any]) -> None:
        """Feed the online analysis with the documents of scans, and of nothing else."""
        if name == "start":
            self._start = document
        elif name == "descriptor" and all(key_of(document["data_keys"], f) for f in _FOR_LIMITS):
            self._scans.add(document["uid"])
            self._suit(self._start)
            self._add("start", self._start)
            self._add(name, document)
        elif name == "event" and document["descriptor"] in self._scans:
            self._add(name, document)

    def _add(self, name: str, document: Mapping[str, Any]) -> None:
        if self._online is None:
            return
        try:
            self._online(name, document)
        except Exception:  # an analysis that fails must not end the run
            log.exception("no more limits are published in this session")
            self._online = None


def _tell(channel: PV, value: Any, error: Exception) -> None:
    shown = escaped(value, 60), escaped(error)
    log.warning("%s = %s is not published: %s", channel.pvname, *shown)
