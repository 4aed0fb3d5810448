"""The haloscope as one ophyd device. Its parts keep short names: `daq_spectrum`, `magnet_field`."""

from __future__ import annotations

from ophyd import Device

from devices.base import Instrument, Part
from devices.cavity import CavityFrequency
from devices.clock import Health, SimClock
from devices.interlock import Interlock
from devices.magnet import MagnetSupply
from devices.measured import CavityMeasured
from devices.motion import Axis
from devices.rf import (
    Digitizer,
    JosephsonAmplifier,
    LocalOscillator,
    NetworkAnalyzer,
    NoiseSource,
)
from devices.settings import Settings
from devices.signals import command, readback, setting

__all__ = ["Fridge", "Haloscope", "Interlock"]


class Fridge(Device):
    """Thermometers of the dilution refrigerator and of what hangs on it, K.

    Monitored: an IOC posts them before it says that an acquisition or a move has ended.
    """

    mxc = readback("MXC_RBV", monitor=True)
    still = readback("Still_RBV", monitor=True)
    four_k = readback("FourK_RBV", monitor=True)
    cavity = readback("Cavity_RBV", monitor=True)
    rod = readback("Rod_RBV", monitor=True)
    jpa = readback("JPA_RBV", monitor=True)
    noise_source = readback("NoiseSource_RBV", monitor=True)


class Selector(Device):
    """The cold switch in front of the amplifier: Cavity, Noise source, Open (floating)."""

    selected = setting("", "normal", string=True)


class Seal(Device):
    """The sealed blind injection: its hash is known from the start, its contents when opened."""

    envelope_hash = readback("EnvelopeHash_RBV", "config", long=True)
    unseal = command("Unseal")
    envelope = readback("Envelope_RBV", "omitted", string=True)


class Haloscope(Instrument):
    """The CAPP-12TB haloscope: `Haloscope("HALO:", name="haloscope")`.

    Everything is reached by the PVs; what is inferred from them (resonance, coupling, gain) is put
    by plans into `measured`, so that events carry it beside the raw data.
    """

    sim = Part(SimClock, "Sim:", kind="normal")
    ioc = Part(Health, "IOC:", kind="config")
    rod = Part(Axis, "Rod", kind="normal")
    antenna = Part(Axis, "Antenna", kind="normal")
    magnet = Part(MagnetSupply, "Magnet:", kind="normal")
    fridge = Part(Fridge, "Fridge:", kind="normal")
    noise_source = Part(NoiseSource, "NoiseSource:", kind="normal")
    switch = Part(Selector, "Switch", kind="config")
    vna = Part(NetworkAnalyzer, "VNA:", kind="config")
    jpa = Part(JosephsonAmplifier, "JPA:", kind="config")
    lo = Part(LocalOscillator, "LO:", kind="config")
    daq = Part(Digitizer, "DAQ:", kind="config")
    interlock = Part(Interlock, "Interlock:", kind="omitted")
    seal = Part(Seal, "Sim:", kind="config")
    cavity = Part(CavityFrequency, "", kind="omitted")
    settings = Part(Settings, "", kind="omitted")
    measured = Part(CavityMeasured, "", kind="normal")

    def stop(self, *, success: bool = False) -> None:
        """Stop motors, hold the magnet, abort acquisitions, switch the pump tone off."""
        try:
            super().stop(success=success)
        finally:  # whatever part could not be stopped
            if self.jpa.connected:
                self.jpa.pump.put("Off", use_complete=False)
