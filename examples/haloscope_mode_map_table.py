"""Solve the cavity for many rod positions and write the tables that the package ships.

    python examples/haloscope_mode_map_table.py [folder]

One table per rod radius (in cavity radii): CAPP-12TB 0.1 (the letter: "about a tenth"), HAYSTAC 0.5
(a 2 inch rod in a 4 inch cavity), ADMX 0.15 (one rod standing for its two; assumed).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

from haloscope.helmholtz import solve

TABLES = {
    "capp12tb": (0.1, np.linspace(0.0, 0.7, 71), 28),
    "haystac": (0.5, np.linspace(0.0, 0.4, 41), 28),
    "admx": (0.15, np.linspace(0.0, 0.6, 61), 28),
}
HEADER = """TM010-like mode of a cavity with one rod of radius {radius} cavity radii,
two-dimensional Helmholtz solution, written by examples/haloscope_mode_map_table.py; lengths in
cavity radii offset s/R, wavenumber kR, form factor, barrel loss, rod loss"""


def main(folder: Path) -> None:
    for name, (radius, offsets, terms) in TABLES.items():
        modes = [solve(radius, float(offset), terms=terms) for offset in offsets]
        worst = max(mode.residual for mode in modes)
        rows = [
            (offset, mode.wavenumber, mode.form_factor, mode.wall_loss, mode.rod_loss)
            for offset, mode in zip(offsets, modes, strict=True)
        ]
        path = folder / f"mode_map_{name}.csv"
        np.savetxt(path, rows, fmt="%.4f,%.10f,%.8f,%.8f,%.8f", header=HEADER.format(radius=radius))
        print(f"{path}: {len(rows)} rod positions, largest field on a wall {worst:.1e}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("haloscope/data"))
