"""Results as files that explain themselves.

``save``: one HDF5 file with the grand spectrum, the limit, the checks, the combined sums, the full
settings and the provenance. ``save_limit`` and ``save_bayes_limit``: the text form that limit
compilations take (module ``compilations``). ``save_candidates``: JSON. Nothing here reads the clock
or the machine; what the caller knows of the run goes in as ``provenance``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from haloscope.analysis.budget.table import recorded
from haloscope.analysis.chain.grand import Grand
from haloscope.analysis.exchange import bayesian, found
from haloscope.analysis.exchange.compilations import save_bayes_limit, save_limit
from haloscope.analysis.exchange.hdf5 import reading
from haloscope.analysis.pipeline import Result
from haloscope.analysis.statistics.limits import Limit, dfsz
from haloscope.axion import DFSZ_G_GAMMA, KSVZ_G_GAMMA

__all__ = [
    "load",
    "save",
    "save_bayes_limit",
    "save_candidates",
    "save_csv",
    "save_limit",
    "summary",
    "verdicts",
    "well_covered",
]

FORMAT, VERSION = "cryohalo-result", 1
_UNITS = {"hz": "Hz", "ev": "eV", "gev": "1/GeV", "k": "K"}


def summary(result: Result) -> dict[str, Any]:
    """The numbers of a result that fit on a page, by name with units."""
    core = well_covered(result)
    coupling = result.limit.coupling_per_gev[core]
    over_dfsz = float(np.median(coupling / dfsz(result.limit.frequency_hz[core])))
    return {
        "believed": "yes" if result.believed else "NO",
        "verdict": result.verdict(),
        "spectra": result.spectra,
        "spectra_cut": result.quality.cut,
        "settings": result.settings,
        "baseline": _model(result),
        "assumed_not_measured": ", ".join(result.calibration.assumed) or "nothing",
        "errors_assumed": ", ".join(result.budget.assumed) or "none",
        "systematic": float(np.median(result.systematic)),
        "grand_bins": len(result.grand),
        "frequency_low_hz": float(result.frequency_hz[0]),
        "frequency_high_hz": float(result.frequency_hz[-1]),
        "grand_mean": float(np.mean(result.normalised)),
        "grand_width": float(np.std(result.normalised)),
        "xi": result.xi,
        "eps_averaged": result.eps,
        "eps_aligned": result.eps_aligned,
        "threshold": result.options.threshold,
        **found.numbers(result),
        "grand_bins_not_excluded": int(np.sum(~result.excluded)),
        "bins_over_threshold": int(np.sum(result.normalised > result.options.threshold)),
        "spikes": len(result.spikes),
        "mean_limit_per_gev": float(coupling.mean()),
        "median_limit_per_gev": float(np.median(coupling)),
        "median_limit_in_ksvz": over_dfsz * abs(DFSZ_G_GAMMA / KSVZ_G_GAMMA),
        "median_limit_in_dfsz": over_dfsz,
        "mean_ksvz_density": float(result.limit.ksvz_density[core].mean()),
        "median_snr": float(np.median(result.limit.expected_snr[core])),
        **bayesian.numbers(result),
    }


def _model(result: Result) -> str:
    """The baseline's model, and what it was chosen from."""
    own = result.options
    name = f"pade {own.pade_degree}" if own.baseline == "pade" else own.baseline
    return name if not result.ladder else f"{name}, of {'; '.join(map(str, result.ladder))}"


def verdicts(result: Result) -> dict[str, Any]:
    """Which spectra were used and why not, and the tests of the whole, as plain values."""
    return {
        "believed": result.believed,
        "verdict": result.verdict(),
        **result.quality.recorded(),
        "tests": [asdict(test) for test in result.tests],
        "ladder": [asdict(rung) for rung in result.ladder],
    }


def well_covered(result: Result) -> np.ndarray:
    """Grand bins with at least half the typical number of overlapping spectra."""
    return result.grand.well_covered


def save(path: Path | str, result: Result, provenance: Mapping[str, Any] | None = None) -> None:
    """Write everything to one HDF5 file; an existing one is replaced.

    Args:
        path: File to write.
        result: What to write.
        provenance: Runs, software version, parameters' hash, seed: anything JSON can hold.
    """
    with h5py.File(path, "w") as file:
        file.attrs.update(
            format=FORMAT,
            version=VERSION,
            options=json.dumps(asdict(result.options)),
            options_fingerprint=result.options.fingerprint(),
            calibration=json.dumps(asdict(result.calibration)),
            provenance=json.dumps(dict(provenance or {}), default=str),
            summary=json.dumps(summary(result)),
            candidates=json.dumps(found.recorded(result)),
            spikes=json.dumps([asdict(s) for s in result.spikes]),
            quality=json.dumps(verdicts(result)),
            budget=json.dumps(recorded(result.budget)),
            step_hz=result.step_hz,
        )
        _write_arrays(file.create_group("grand"), result.grand)
        _write_arrays(file.create_group("limit"), result.limit)
        _write_arrays(file.create_group("checks"), result.checks)
        _write_arrays(file.create_group("bayes"), result.bayes)
        _write_budget(file.create_group("budget"), result)
        file.create_dataset("used", data=result.quality.used.astype(np.uint8))
        sums = file.create_group("combined")
        sums.attrs["first_coarse"] = result.sums.first_coarse
        for name in ("numerator", "density", "overlaps"):
            sums.create_dataset(name, data=getattr(result.sums, name), compression="gzip")


def _write_budget(group: Any, result: Result) -> None:
    """Relative errors of the expected power per grand bin: each term, and what was taken off."""
    for line in result.budget.lines:
        data = group.create_dataset(line.term.name, data=line.power)
        data.attrs.update(words=line.term.words, common=line.term.common, origin=str(line.origin))
    group.create_dataset("total", data=result.budget.total)
    group.create_dataset("taken_off", data=result.systematic)


def _write_arrays(group: Any, holder: object) -> None:
    for item in fields(holder):  # type: ignore[arg-type]
        value = getattr(holder, item.name)
        if isinstance(value, np.ndarray):
            data = group.create_dataset(item.name, data=value)
            unit = _UNITS.get(item.name.rsplit("_", 1)[-1])
            if unit is not None:
                data.attrs["unit"] = unit
        else:
            group.attrs[item.name] = value


def load(path: Path | str) -> tuple[Grand, Limit, dict[str, Any]]:
    """Read a result file: grand spectrum, limit, and the attributes (JSON decoded).

    Raises:
        OSError: No such file.
        ValueError: Not a result file, or one that is damaged; names what is wrong with it.
    """
    with reading(path) as file:
        if file.attribute("format") != FORMAT:
            raise ValueError(f"not a {FORMAT} file")
        grand = Grand(**{f.name: file.numbers(f"grand/{f.name}") for f in fields(Grand)})
        parts: dict[str, Any] = {
            f.name: file.numbers(f"limit/{f.name}")
            for f in fields(Limit)
            if f.name != "attenuation"
        }
        _demand_columns({**vars(grand), **parts})
        attenuation = file.number("attenuation", "limit")
        if attenuation is None:
            raise ValueError("attribute attenuation of limit is missing")
        coded = ("options", "calibration", "provenance", "summary", "candidates", "spikes")
        more = {name: _decoded(name, file.text(name)) for name in coded}
        for name in ("quality", "budget"):
            if file.attribute(name) is not None:  # files of before have none
                more[name] = _decoded(name, file.text(name))
        return grand, Limit(attenuation=attenuation, **parts), more


def _demand_columns(columns: Mapping[str, np.ndarray]) -> None:
    shapes = {array.shape for array in columns.values()}
    if len(shapes) > 1 or len(next(iter(shapes))) != 1:
        raise ValueError(f"its columns have shapes {sorted(shapes)[:5]}, needed one number a bin")


def _decoded(name: str, text: str | None) -> Any:
    if text is None:
        raise ValueError(f"attribute {name} is missing")
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError(f"attribute {name} is nested too deep") from None


def save_csv(path: Path | str, result: Result) -> None:
    """Write the grand spectrum and the limit, one line per grand bin, with named columns."""
    grand, bound = result.grand, result.limit
    columns = {
        "frequency_hz": grand.frequency_hz,
        "mass_ev": bound.mass_ev,
        "normalised_excess": grand.normalised,
        "expected_snr": bound.expected_snr,
        "limit_per_gev": bound.coupling_per_gev,
        "observed_limit_per_gev": bound.observed_per_gev,
        "bayes_limit_per_gev": result.bayes.excluded_per_gev,
        "prior_update": result.bayes.update,
        "ksvz_density": bound.ksvz_density,
        "overlaps": grand.overlaps,
        "excluded": result.excluded,
        "systematic": result.systematic,
    }
    table = np.stack(list(columns.values()), axis=1)
    np.savetxt(path, table, fmt="%.12g", delimiter=",", header=",".join(columns), comments="")


def save_candidates(
    path: Path | str, result: Result, provenance: Mapping[str, Any] | None = None
) -> None:
    """Write candidates, spikes, summary and settings as JSON."""
    content = {
        "summary": summary(result),
        "candidates": found.recorded(result),
        "spikes": [asdict(s) for s in result.spikes],
        "quality": verdicts(result),
        "bayes": bayesian.recorded(result),
        "budget": recorded(result.budget),
        "options": asdict(result.options),
        "calibration": asdict(result.calibration),
        "provenance": dict(provenance or {}),
    }
    Path(path).write_text(json.dumps(content, indent=2, default=str) + "\n", "utf-8")
