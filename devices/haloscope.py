"""The haloscope as one ophyd device; keys begin with its name: ``haloscope_daq_spectrum``."""

from __future__ import annotations

from ophyd import Component as Cpt
from ophyd import Device

from devices.hardware.optional import optional
from devices.parts.cavity import CavityFrequency
from devices.parts.described import DescribedInstrument, NoDescriptionError, ServedHaloscope
from devices.parts.high_resolution import HighResolution
from devices.parts.interlock import InterlockStatus
from devices.parts.magnet import MagnetSupply
from devices.parts.measured import CalibrationMeasured, CavityMeasured
from devices.parts.motion import Axis
from devices.parts.rf import (
    Digitizer,
    JosephsonAmplifier,
    LocalOscillator,
    NetworkAnalyzer,
    NoiseSource,
    Selector,
)
from devices.signals.reading import Fetching, readback
from devices.signals.settable import command
from devices.signals.settings import Settings
from haloscope.description import Description

__all__ = ["Fridge", "Haloscope", "InterlockStatus", "NoDescriptionError"]


class Fridge(Fetching):
    """Thermometers of the dilution refrigerator and of what hangs on it, K."""

    mxc = optional(
        readback("MXC_RBV"),
        "no plan is held when the mixing chamber is warm",
        guard=True,
    )
    still = optional(readback("Still_RBV"), "not recorded")
    four_k = optional(readback("FourK_RBV"), "not recorded")
    cavity = optional(readback("Cavity_RBV"), "not recorded")
    rod = optional(readback("Rod_RBV"), "not recorded")
    jpa = optional(readback("JPA_RBV"), "not recorded")
    noise_source = optional(readback("NoiseSource_RBV"), "not recorded")


class Seal(Device):
    """The sealed injection: its hash is known from the start, its contents when opened.

    A blind one is opened by its key, put to ``unseal_key``; another by 1, put to ``unseal``.
    """

    envelope_hash = readback("EnvelopeHash_RBV", "config", long=True)
    blind = readback("Blind_RBV", "config", string=True)
    unsealed = readback("Unsealed_RBV", string=True, monitor=True)
    unsealed_at = readback("UnsealedAt_RBV", "omitted", string=True)
    unsealed_by = readback("UnsealedBy_RBV", "omitted", long=True)
    wrong_keys = readback("WrongKeys_RBV", "omitted")
    unseal = command("Unseal")
    unseal_key = command("UnsealKey", string=True)
    envelope = readback("Envelope_RBV", "omitted", string=True)


class Haloscope(DescribedInstrument):
    """A haloscope: ``Haloscope("HALO:", name="haloscope")``.

    What is fixed about it, ``apparatus``, its IOC serves. A device in front of an IOC that does not
    is given it: ``Haloscope(..., description=...)``.

    Everything is reached by the PVs; what is inferred from them (resonance, coupling, gain) is put
    by plans into ``measured``, so that events carry it beside the raw data.
    """

    rod = Cpt(Axis, "Rod", kind="normal")
    antenna = optional(Cpt(Axis, "Antenna", kind="normal"), "its coupling cannot be set")
    magnet = optional(
        Cpt(MagnetSupply, "Magnet:", kind="normal"),
        "no field in events, without which no limit is possible; no ramps",
    )
    fridge = optional(Cpt(Fridge, "Fridge:", kind="normal"), "no temperatures in events")
    noise_source = optional(
        Cpt(NoiseSource, "NoiseSource:", kind="normal"),
        "no calibration of the receiver by it",
    )
    switch = Cpt(Selector, "Switch", kind="config")
    vna = Cpt(NetworkAnalyzer, "VNA:", kind="config")
    jpa = Cpt(JosephsonAmplifier, "JPA:", kind="config")
    lo = Cpt(LocalOscillator, "LO:", kind="config")
    daq = Cpt(Digitizer, "DAQ:", kind="config")
    high_resolution = optional(
        Cpt(HighResolution, "DAQ:HighRes:", kind="config"),
        "no time streams",
    )
    interlock = optional(
        Cpt(InterlockStatus, "Interlock:", kind="normal"),
        "its reset and its reasons are not here",
    )
    seal = optional(Cpt(Seal, "Sim:", kind="config"), "nothing is hidden, nothing is told of it")
    cavity = Cpt(CavityFrequency, "", kind="normal")
    settings = Cpt(Settings, "", kind="omitted")
    measured = Cpt(CavityMeasured, "", kind="normal")
    calibrated = Cpt(CalibrationMeasured, "", kind="normal")
    #: Lazy: an IOC that serves none is not waited for where a description is given.
    described = optional(
        Cpt(ServedHaloscope, "Apparatus:", kind="omitted", lazy=True),
        "give the device a description",
    )

    @property
    def apparatus(self) -> Description:
        """What its owners state of it; plans, suspenders and analysis go by this.

        Fetched from the IOC once, and again when its hash changes.

        Raises:
            NoDescriptionError: It was given none, and the IOC serves none that can be used.
        """
        stated: Description = self._stated()
        return stated

    def stop(self, *, success: bool = False) -> None:
        """Stop motors, hold the magnet, abort acquisitions, switch the pump tone off."""
        try:
            super().stop(success=success)
        finally:  # whatever part could not be stopped
            if self.jpa.connected:
                self.jpa.pump.put("Off", use_complete=False)
