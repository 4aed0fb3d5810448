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
from devices.signals import Fetching, command, readback, setting

__all__ = ["Fridge", "Haloscope", "Interlock"]


class Fridge(Fetching):
    """Thermometers of the dilution refrigerator and of what hangs on it, K."""

    mxc = readback("MXC_RBV")
    still = readback("Still_RBV")
    four_k = readback("FourK_RBV")
    cavity = readback("Cavity_RBV")
    rod = readback("Rod_RBV")
    jpa = readback("JPA_RBV")
    noise_source = readback("NoiseSource_RBV")


class Selector(Device):
    """The cold switch in front of the amplifier: Cavity, Noise source, Open (floating)."""

    selected = setting("", "normal", string=True)


class Seal(Device):
    """The sealed blind injection: its hash is known from the start, its contents when opened."""

    envelope_hash = readback("EnvelopeHash_RBV", "config", string=True)
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
        super().stop(success=success)
        if self.jpa.connected:
            self.jpa.pump.put("Off", use_complete=False)
