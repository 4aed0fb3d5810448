"""What the page of an instrument shows beside its synoptic: charts, arrays, controls, by PV name.

Names are without prefix. Units, limits, precision, states and descriptions come from the PVs. The
synoptic's own names stand in its drawing (``static/amrr.html``, ``static/haloscope.html``); a test
looks each of them up in the PV database.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Chart:
    """A strip chart.

    Attributes:
        title: Above it.
        names: Its lines; all of one unit.
    """

    title: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Layout:
    """What one page shows.

    Attributes:
        title: Of the page.
        charts: Strip charts, from the left.
        arrays: Waveforms that the page draws.
        controls: What may be set from the page, in groups by title; nothing else may.
        stops: Those of the controls that stop something: done at once, without a question.
    """

    title: str
    charts: tuple[Chart, ...]
    arrays: tuple[str, ...]
    controls: Mapping[str, tuple[str, ...]]
    stops: tuple[str, ...]

    @property
    def charted(self) -> tuple[str, ...]:
        """All names of the charts."""
        return tuple(name for chart in self.charts for name in chart.names)

    @property
    def settable(self) -> frozenset[str]:
        """All names that may be set."""
        return frozenset(name for names in self.controls.values() for name in names)


_CLOCK: Final = ("Sim:Speed", "Sim:Pause")
_MAGNETS: Final = ("PumpA", "PumpB", "RegenA", "RegenB")

AMRR: Final = Layout(
    title="Refrigerator",
    charts=(
        Chart(
            "Temperatures",
            (
                "CHX:Temp_RBV",
                "RegenA:ColdEndTemp_RBV",
                "RegenB:ColdEndTemp_RBV",
                "Stage:Temp_RBV",
            ),
        ),
        Chart("Fields", tuple(f"{name}:Field_RBV" for name in _MAGNETS)),
        Chart("Flow", ("Flow:Rate_RBV",)),
        Chart("Heat", ("CHX:HeaterPower_RBV", "Detector1:Power_RBV", "Detector2:Power_RBV")),
    ),
    arrays=(
        "RegenA:TempProfile_RBV",
        "RegenA:Position_RBV",
        "RegenB:TempProfile_RBV",
        "RegenB:Position_RBV",
        "ColdPath:TempProfile_RBV",
        "ColdPath:Position_RBV",
    ),
    controls={
        "Cycle": ("Cycle:Run", "Cycle:Pause", "Cycle:Abort", "Cycle:FlowTime", "Cycle:HoldTime"),
        "Cold heat exchanger": ("CHX:Mode", "CHX:HeaterPower", "CHX:Temp"),
        "Stage and helium": ("Stage:Mode", "Stage:Temp", "Stage:HeTransfer"),
        "Detectors": ("Detector1:Power", "Detector2:Power"),
        "Magnets": tuple(
            f"{name}:{signal}" for name in _MAGNETS for signal in ("Field", "Command")
        ),
        "After a fault": (
            *(f"{name}:QuenchReset" for name in _MAGNETS),
            "Interlock:Reset",
        ),
        "Clock": _CLOCK,
    },
    stops=("Cycle:Abort",),
)

HALOSCOPE: Final = Layout(
    title="Haloscope",
    charts=(
        Chart("Cold stages", ("Fridge:MXC_RBV", "Fridge:Cavity_RBV", "Fridge:JPA_RBV")),
        Chart("Cavity", ("Measured:CavityFrequency", "Measured:TargetFrequency")),
        Chart("Gain", ("Measured:JPAGain",)),
        Chart("Magnet", ("Magnet:Field_RBV",)),
    ),
    arrays=("DAQ:Preview_RBV", "VNA:Magnitude_RBV", "VNA:Frequency_RBV"),
    controls={
        "Tuning": ("Rod", "Rod.STOP", "Antenna", "Antenna.STOP"),
        "Receiver": ("Switch", "JPA:Pump", "JPA:PumpPower", "JPA:Resonance", "NoiseSource:Temp"),
        "Digitizer": ("DAQ:NumAverages", "DAQ:Acquire", "DAQ:Abort"),
        "Network analyser": ("VNA:Path", "VNA:Center", "VNA:Span", "VNA:Acquire", "VNA:Abort"),
        "Magnet": ("Magnet:Field", "Magnet:Command"),
        "After a fault": ("Magnet:QuenchReset", "Interlock:Reset"),
        "Clock": _CLOCK,
    },
    stops=("Rod.STOP", "Antenna.STOP", "DAQ:Abort", "VNA:Abort"),
)

#: Module of the IOC: its page.
LAYOUTS: Final[Mapping[str, Layout]] = {"amrr": AMRR, "haloscope": HALOSCOPE}
