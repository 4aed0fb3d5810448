"""What the demonstration does, and with which IOCs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from cryohalo.processes.launcher import LaunchedIoc
from haloscope.parameters import HaloscopeParameters

#: Simulated seconds per second for the cool-down: slow enough to see every cycle, 0.6 s each, on a
#: busy host too.
AMRR_SPEED = 300.0
#: 1.5 times the DFSZ coupling: stands well above threshold, and no spike filter sees it.
DEMO_COUPLING_PER_GEV = 1.0e-15


@dataclass(frozen=True)
class DemoOptions:
    """What the demonstration does.

    Attributes:
        output: Report folder; what an earlier demonstration wrote there is replaced.
        seed: Decides all noise and where the axion hides.
        steps: Steps of the scan.
        inject: Hide an axion of demo strength.
    """

    output: Path
    seed: int
    steps: int
    inject: bool

    @property
    def band_mhz(self) -> tuple[float, float]:
        """First and last target of the scan, MHz."""
        step_mhz = HaloscopeParameters.capp12tb().operation.step_hz * 1e-6
        half = (self.steps - 1) * step_mhz / 2
        return round(self.centre_mhz - half, 6), round(self.centre_mhz + half, 6)

    @property
    def centre_mhz(self) -> float:
        """Middle of the scan: the reference of CAPP-12TB, which it shows."""
        return HaloscopeParameters.capp12tb().cavity.reference_hz * 1e-6

    @property
    def catalog(self) -> Path:
        """Folder of the documents."""
        return self.output / "catalog"

    def iocs(self) -> list[LaunchedIoc]:
        """Both IOCs; the haloscope's hides a line within the scanned band if asked to."""
        seed = ("--seed", str(self.seed))
        band = [str(f) for f in self.band_mhz]
        hidden = ("--inject", str(DEMO_COUPLING_PER_GEV), "--inject-band", *band)
        return [
            LaunchedIoc("amrr", arguments=(*seed, "--speed", str(AMRR_SPEED))),
            LaunchedIoc(
                "haloscope", arguments=(*seed, "--speed", "0", *(hidden if self.inject else ()))
            ),
        ]
