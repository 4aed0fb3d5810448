"""One HTML page of an analysis with every intermediate check, readable without anything else.

Figures are embedded as PNG. Checks are tests with numbers, not only pictures: each states what was
found, what is expected and whether they agree.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment
from matplotlib.figure import Figure
from scipy import stats

from haloscope.analysis.exchange.files import summary, well_covered
from haloscope.analysis.exchange.published import ratio_to_published
from haloscope.analysis.pipeline import Result
from haloscope.analysis.report import figures
from haloscope.analysis.report.checks import HISTOGRAM_EDGES
from haloscope.analysis.statistics.candidates import expected_clusters, neighbour_correlation
from haloscope.analysis.statistics.injection import Recovery

_CAPTIONS = {
    "limit": "Excluded axion-photon coupling (the letter's Figure 4).",
    "density": "Excluded local density of KSVZ axions (the letter's Figure 5).",
    "spectrum": "Normalised grand spectrum with the threshold and the candidates.",
    "histogram": "Distribution of the normalised grand spectrum (the letter's Figure 3a).",
    "candidates": "The grand spectrum around the highest candidates.",
    "efficiency": "Scale factor and SNR efficiency of every grand bin, in closed form.",
    "residuals": "Residuals of the baseline fits in units of the radiometer equation.",
    "noise": "System noise temperature of every spectrum.",
}

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body{font:15px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.15rem .7rem;text-align:left;
border-bottom:1px solid #e5e5e5;font-variant-numeric:tabular-nums}
img{max-width:100%}figure{margin:1rem 0}figcaption{color:#555}.bad{color:#b00020;font-weight:600}
</style></head><body><h1>{{ title }}</h1>
<h2>Result</h2><table>{% for k, v in summary %}<tr><td>{{ k }}</td><td>{{ v }}</td></tr>
{% endfor %}</table>
<h2>Checks</h2><table><tr><th>check</th><th>found</th><th>expected</th><th></th></tr>
{% for c in checks %}<tr><td>{{ c.name }}</td><td>{{ c.found }}</td><td>{{ c.expected }}</td>
<td{% if not c.passed %} class="bad"{% endif %}>
{{ "as expected" if c.passed else "look here" }}</td></tr>{% endfor %}</table>
{% if candidates %}<h2>Candidates</h2><table><tr><th>frequency</th><th>excess</th><th>bins</th>
<th>coupling</th><th>local p</th><th>global p</th></tr>{% for c in candidates %}<tr>
<td>{{ "%.6f MHz" % (c.frequency_hz * 1e-6) }}</td><td>{{ "%.2f" % c.excess }}</td>
<td>{{ c.bins }}</td><td>{{ "%.3g /GeV" % c.coupling_per_gev }}</td>
<td>{{ "%.2g" % c.local_p }}</td><td>{{ "%.2g" % c.global_p }}</td></tr>{% endfor %}</table>
{% endif %}{% if injections %}<h2>Injected axions</h2><table><tr><th>frequency</th><th>coupling</th>
<th>expected</th><th>observed</th><th>pull</th><th>found</th></tr>{% for r in injections %}<tr>
<td>{{ "%.6f MHz" % (r.axion_hz * 1e-6) }}</td><td>{{ "%.3g /GeV" % r.coupling_per_gev }}</td>
<td>{{ "%.2f" % r.expected }}</td><td>{{ "%.2f" % r.observed }}</td><td>{{ "%.2f" % r.pull }}</td>
<td>{{ "yes" if r.found else "no" }}</td></tr>{% endfor %}</table>{% endif %}
{% if spikes %}<h2>Spikes cut</h2><table><tr><th>spectrum</th><th>frequency</th><th>excess</th>
<th>bin</th></tr>{% for s in spikes %}<tr>
<td>{{ s.spectrum if s.spectrum >= 0 else "average" }}</td>
<td>{{ "%.6f MHz" % (s.frequency_hz * 1e-6) }}</td><td>{{ "%.1f" % s.significance }}</td>
<td>{{ "%g Hz" % s.bin_hz }}</td></tr>{% endfor %}</table>
{% if more_spikes %}<p>and {{ more_spikes }} more.</p>{% endif %}{% endif %}
<h2>Figures</h2>{% for f in figures %}<figure><img alt="{{ f.name }}"
src="data:image/png;base64,{{ f.data }}"><figcaption>{{ f.caption }}</figcaption></figure>
{% endfor %}<h2>Settings and provenance</h2><table>{% for k, v in settings %}<tr><td>{{ k }}</td>
<td>{{ v }}</td></tr>{% endfor %}</table></body></html>
"""


@dataclass(frozen=True)
class Check:
    """One test of the analysis."""

    name: str
    found: str
    expected: str
    passed: bool


def checks(result: Result) -> list[Check]:
    """Tests of the intermediate steps and of the grand spectrum."""
    seen = result.checks
    values = result.normalised
    left = np.isfinite(seen.width)  # of the others no bin was
    widths, near = seen.width[left], float(seen.neighbour_correlation[left].mean())
    fits = len(widths)
    free = float(seen.histogram.sum()) / max(fits, 1)
    spread = 5 / np.sqrt(2 * free)
    mean_error = _mean_error(result)
    width = float(np.std(values))
    clusters = expected_clusters(len(values), neighbour_correlation(result.grand, result.step_hz,
                                 result.options), result.options.threshold)  # fmt: skip
    likely = stats.poisson.sf(len(result.candidates) - 1, clusters)
    core = values[np.abs(values) < 4]
    normality = float(stats.kstest(core[:: 2 * result.options.line_bins], "norm").pvalue)
    return [
        Check("baseline fits converged", f"{seen.converged.mean():.1%} of {len(left)}", "all",
              seen.all_converged),
        Check("width of fit residuals / radiometer", f"{widths.mean():.4f}", "1",
              abs(float(widths.mean()) - 1) < 5 / np.sqrt(2 * free * fits) + 0.002),
        Check("widest and narrowest spectrum", f"{widths.min():.3f} to {widths.max():.3f}",
              f"1 +- {spread:.3f}", bool(np.all(np.abs(widths - 1) < spread))),
        Check("correlation of neighbouring residuals",
              f"{near:.2g}", "-0.01 to 0.01", abs(near) < 0.01),
        Check("residuals beyond 6 sigma", f"{_tail(seen.histogram):.0f}", "0",
              _tail(seen.histogram) == 0),
        Check("mean of the grand spectrum", f"{np.mean(values):.4f}", f"0 +- {3 * mean_error:.3f}",
              abs(float(np.mean(values))) < 3 * mean_error),
        Check("width of the grand spectrum", f"{width:.4f}", f"1 +- {3 * mean_error:.3f}",
              abs(width - 1) < 3 * mean_error + 0.005),
        Check("normality (Kolmogorov-Smirnov, independent bins)", f"p = {normality:.3f}",
              "p > 0.001", normality > 0.001),
        Check("candidates", f"{len(result.candidates)}", f"{clusters:.1f} from noise alone",
              likely > 1e-3),
        Check("fine bins lost to the spike filter", f"{seen.cut_fraction:.3%}", "below 1 %",
              seen.cut_fraction < 0.01),
        Check("assumed, not measured", ", ".join(result.calibration.assumed) or "nothing",
              "nothing", not result.calibration.assumed),
    ]  # fmt: skip


def _mean_error(result: Result) -> float:
    """Standard error of the mean of correlated grand bins: independent ones are a line apart."""
    rho = neighbour_correlation(result.grand, result.step_hz, result.options)
    return float(np.sqrt((1 + rho) / (1 - rho) / len(result.grand)))


def _tail(histogram: np.ndarray) -> float:
    centre = 0.5 * (HISTOGRAM_EDGES[1:] + HISTOGRAM_EDGES[:-1])
    return float(histogram[np.abs(centre) > 6].sum())


def write_report(
    path: Path | str,
    result: Result,
    *,
    title: str = "Haloscope analysis",
    provenance: Mapping[str, Any] | None = None,
    injections: Sequence[Recovery] = (),
    extra: Mapping[str, Figure] | None = None,
    most_spikes: int = 100,
) -> Path:
    """Write the page.

    Args:
        path: File to write; its folder is made.
        result: The analysis.
        title: Heading.
        provenance: Runs, software version, parameters' hash, seed.
        injections: Injected axions with their fate.
        extra: More figures by caption.
        most_spikes: Spikes listed; the rest are counted.

    Returns:
        The path.
    """
    settings = {**asdict(result.options), **asdict(result.calibration), **dict(provenance or {})}
    html = (
        Environment(autoescape=True)
        .from_string(_PAGE)
        .render(
            title=title,
            summary=_lines(_numbers(result)),
            checks=checks(result),
            candidates=result.candidates,
            injections=injections,
            spikes=result.spikes[:most_spikes],
            more_spikes=max(len(result.spikes) - most_spikes, 0),
            figures=_pictures(result, extra or {}),
            settings=_lines(settings),
        )
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(html, "utf-8")
    return path


def _pictures(result: Result, extra: Mapping[str, Figure]) -> list[dict[str, str]]:
    own = figures.all_figures(result)
    drawn = [(name, _CAPTIONS[name], figure) for name, figure in own.items()]
    drawn += [(caption, caption, figure) for caption, figure in extra.items()]
    return [{"name": n, "caption": c, "data": _png(figure)} for n, c, figure in drawn]


def _lines(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name.replace("_", " "), _text(value)) for name, value in values.items()]


def _numbers(result: Result) -> dict[str, Any]:
    numbers = summary(result)
    core = well_covered(result)
    ratio = ratio_to_published(result.frequency_hz[core], result.limit.coupling_per_gev[core])
    if ratio.size:
        numbers["limit over the published one, mean"] = float(ratio.mean())
        numbers["the same, lowest and highest"] = f"{ratio.min():.3f} to {ratio.max():.3f}"
    return numbers


def _text(value: Any) -> str:
    if value is None:
        return "not measured"
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _png(figure: Figure) -> str:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
