"""One HTML page of an analysis with every intermediate check, readable without anything else.

Figures are embedded as PNG. Checks are tests with numbers, not only pictures: each states what was
found, what is expected and whether they agree.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jinja2 import Environment
from matplotlib.figure import Figure

from haloscope.analysis.budget.table import budget_rows
from haloscope.analysis.exchange import bayesian
from haloscope.analysis.exchange.files import summary, well_covered
from haloscope.analysis.exchange.found import pairs, verdict_words
from haloscope.analysis.exchange.published import ratio_to_published
from haloscope.analysis.pipeline import Result
from haloscope.analysis.quality.verdicts import Check
from haloscope.analysis.report import bayes_figures, candidate_figures, figures
from haloscope.analysis.report.budget_figure import budget_figure
from haloscope.analysis.statistics.decision import to_rescan
from haloscope.analysis.statistics.injection import Recovery
from haloscope.analysis.statistics.rescan import Verdict
from instruments.drawing import DPI

_CAPTIONS = {
    "limit": "Excluded axion-photon coupling (the letter's Figure 4).",
    "density": "Excluded local density of KSVZ axions (the letter's Figure 5).",
    "spectrum": "Normalised grand spectrum with the threshold and the candidates.",
    "histogram": "Distribution of the normalised grand spectrum (the letter's Figure 3a).",
    "candidates": "The grand spectrum around the highest candidates.",
    "efficiency": "Scale factor and SNR efficiency of every grand bin, in closed form.",
    "residuals": "Residuals of the baseline fits in units of the radiometer equation.",
    "budget": "Errors of the power that an axion should have, by what they come from.",
    "noise": "System noise temperature of every spectrum.",
    **bayes_figures.CAPTIONS,
}

_PAGE = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title><style>
body{font:15px/1.45 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem;color:#222}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2rem;border-bottom:1px solid #ccc}
table{border-collapse:collapse;margin:.6rem 0}td,th{padding:.15rem .7rem;text-align:left;
border-bottom:1px solid #e5e5e5;font-variant-numeric:tabular-nums}
.doubt{background:#b00020;color:#fff;padding:.6rem 1rem;font-weight:600}
img{max-width:100%}figure{margin:1rem 0}figcaption{color:#555}.bad{color:#b00020;font-weight:600}
</style></head><body><h1>{{ title }}</h1>
{% if doubt %}<p class="doubt">{{ doubt }}</p>{% endif %}
<h2>Result</h2><table>{% for k, v in summary %}<tr><td>{{ k }}</td><td>{{ v }}</td></tr>
{% endfor %}</table>
<h2>Checks</h2><table><tr><th>check</th><th>found</th><th>expected</th><th></th></tr>
{% for c in checks %}<tr><td>{{ c.name }}</td><td>{{ c.found }}</td><td>{{ c.expected }}</td>
<td{% if not c.passed %} class="bad"{% endif %}>
{{ "as expected" if c.passed else "look here" }}</td></tr>{% endfor %}</table>
<h2>Spectra</h2><p>{{ quality.sentence() }}</p>{% if findings %}<table><tr><th>spectrum</th>
<th>fault</th><th>found</th><th></th></tr>{% for f in findings %}<tr><td>{{ f.name }}</td>
<td>{{ f.fault.value }}</td><td>{{ f.words }}</td>
<td class="bad">{{ "used" if quality.used[f.spectrum] else "cut" }}</td></tr>{% endfor %}</table>
{% if more_findings %}<p>and {{ more_findings }} more.</p>{% endif %}{% endif %}
<h2>Power measured and threshold</h2><p>Over the band, at
{{ "%.3f MHz" % (bayes.middle_hz * 1e-6) }}: the threshold excludes
{{ words(bayes.threshold, bayes) }}, the power measured {{ words(bayes.aggregate, bayes) }}; noise
alone would give {{ words(bayes.expected, bayes) }}, give or take
{{ "%.0f %%" % (100 * bayes.expected_scatter / bayes.expected) }}. {% if candidates %}Away from the
candidates: {{ words(bayes.elsewhere, bayes) }}.{% endif %} Highest prior update
{{ "%.3g" % bayes.highest }} at {{ "%.6f MHz" % (bayes.highest_hz * 1e-6) }}.</p>
<table><tr><th>rule of what to take again</th><th>for axions of</th><th>found</th>
<th>places by chance</th><th>here</th></tr>{% for d in decisions %}<tr>
<td>{{ "excess over %.3f" % d.levels[0] if d.decision.rule == "threshold"
else "prior update over %.3g" % d.update }}</td><td>{{ "%.3g /GeV" % d.coupling_per_gev }}</td>
<td>{{ "%.1f %%" % (100 * d.found) }}</td><td>{{ "%.2f" % d.places }}</td>
<td>{{ rescans(d) }}</td></tr>{% endfor %}</table>
{% if candidates %}<h2>Candidates</h2><table><tr><th>frequency</th><th>excess</th><th>bins</th>
<th>coupling</th><th>local p</th><th>global p</th><th>verdict</th></tr>
{% for c, v in candidates %}<tr>
<td>{{ "%.6f MHz" % (c.frequency_hz * 1e-6) }}</td><td>{{ "%.2f" % c.excess }}</td>
<td>{{ c.bins }}</td>
<td>{{ "%.3g ± %.1g /GeV" % (c.coupling_per_gev, c.coupling_error_per_gev) }}</td>
<td>{{ "%.2g" % c.local_p }}</td><td>{{ "%.2g" % c.global_p }} ({{ "%.1f" % c.global_sigma }}
sigma)</td><td{% if v and v.vetoed %} class="bad"{% endif %}>{{ verdict_words(v) }}</td></tr>
{% endfor %}</table><p>The vetoes take an axion for interference in at most
{{ "%.2g %%" % (100 * false_veto) }} of cases. The limit has gaps at candidates that stand; the
power of vetoed ones is taken as that of an axion.</p>
{% for f in followed %}<figure><img alt="candidate" src="data:image/png;base64,{{ f.data }}">
<figcaption>{{ f.caption }}</figcaption></figure>{% endfor %}
{% endif %}{% if verdicts %}<h2>Taken again</h2><table><tr><th>frequency</th><th>verdict</th></tr>
{% for v in verdicts %}<tr><td>{{ "%.6f MHz" % (v.candidate.frequency_hz * 1e-6) }}</td>
<td>{{ v.words }}</td></tr>{% endfor %}</table>{% endif %}
{% if injections %}<h2>Injected axions</h2><table><tr><th>frequency</th><th>coupling</th>
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
<h2>Error budget</h2><p>Errors of the power that an axion should have, and of its coupling, in the
median grand bin.</p><table><tr><th>error of</th><th>power</th><th>coupling</th><th>kind</th>
<th>origin</th></tr>{% for b in budget %}<tr><td>{{ b.words }}</td>
<td>{{ "%.2f %%" % (100 * b.power) }}</td><td>{{ "%.2f %%" % (100 * b.coupling) }}</td>
<td>{{ b.kind }}</td><td>{{ b.origin }}</td></tr>{% endfor %}</table>
<h2>Figures</h2>{% for f in figures %}<figure><img alt="{{ f.name }}"
src="data:image/png;base64,{{ f.data }}"><figcaption>{{ f.caption }}</figcaption></figure>
{% endfor %}<h2>Settings and provenance</h2><table>{% for k, v in settings %}<tr><td>{{ k }}</td>
<td>{{ v }}</td></tr>{% endfor %}</table></body></html>
"""


def checks(result: Result) -> list[Check]:
    """Tests of the intermediate steps and of the grand spectrum."""
    return list(result.tests)


def write_report(
    path: Path | str,
    result: Result,
    *,
    title: str = "Haloscope analysis",
    provenance: Mapping[str, Any] | None = None,
    injections: Sequence[Recovery] = (),
    verdicts: Sequence[Verdict] = (),
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
        verdicts: What rescans say of candidates.
        extra: More figures by caption.
        most_spikes: Spikes, and findings on spectra, listed; the rest are counted.

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
            doubt="" if result.believed else result.verdict(),
            quality=result.quality,
            findings=result.quality.findings[:most_spikes],
            more_findings=max(len(result.quality.findings) - most_spikes, 0),
            candidates=pairs(result),
            verdict_words=verdict_words,
            false_veto=result.options.false_veto,
            followed=[
                {"caption": caption, "data": _png(figure)}
                for caption, figure in candidate_figures.captioned(result).items()
            ],
            bayes=result.bayes,
            words=bayesian.words,
            decisions=bayesian.decisions(result),
            rescans=lambda rule: len(to_rescan(result, rule.decision)),
            budget=budget_rows(result.budget),
            injections=injections,
            verdicts=verdicts,
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
    drawn_here = {"budget": budget_figure(result)}
    own = {**figures.all_figures(result), **drawn_here, **bayes_figures.all_figures(result)}
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
    figure.savefig(buffer, format="png", dpi=DPI)
    return base64.b64encode(buffer.getvalue()).decode("ascii")
