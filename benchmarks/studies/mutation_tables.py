"""Lines that could be wrong, and the tests that should notice: what ``haloscope_mutations`` tries.

``FOUND``: survived when they were first tried, before tests were written for them. ``OWN``: chosen
later.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutation:
    """One change.

    Attributes:
        name: What goes wrong.
        path: File.
        old: Text in it, once.
        new: What stands there instead.
        tests: Files of tests that should notice.
    """

    name: str
    path: str
    old: str
    new: str
    tests: tuple[str, ...]

    @property
    def stands(self) -> bool:
        """Whether the line is still there, once."""
        return (ROOT / self.path).read_text().count(self.old) == 1


ROOT = Path(__file__).parents[2]


def _files(room: str, tests: tuple[str, ...]) -> tuple[str, ...]:
    """Where tests of a room stand, by their names."""
    folder = ROOT / "tests" / "physics" / room
    found = [next(folder.rglob(f"test_{test}.py")) for test in tests]
    return tuple(str(path.relative_to(ROOT)) for path in found)


def analysis(name: str, path: str, old: str, new: str, *tests: str) -> Mutation:
    """A change in the analysis."""
    files = _files("analysis", tests)
    return Mutation(name, "haloscope/analysis/" + path, old, new, files)


def machine(name: str, path: str, old: str, new: str, *tests: str) -> Mutation:
    """A change in the apparatus or in what is measured."""
    files = _files("haloscope", tests)
    return Mutation(name, "haloscope/" + path, old, new, files)


def refrigerator(name: str, path: str, old: str, new: str, *tests: str) -> Mutation:
    """A change in the refrigerator; tests by their path in its room."""
    return Mutation(name, "amrr/" + path, old, new,
                    tuple(f"tests/physics/amrr/{test}.py" for test in tests))  # fmt: skip


FOUND = (
    analysis("gain off by the bin width where T_n is given", "chain/rescale.py",
             "calibration.noise_temperature_k * spectra.step_hz", "calibration.noise_temperature_k",
             "rescale"),
    machine("error of T_JPA without the gain's", "measuring/calibration.py",
            "by_gain = (total - rest / gain) * gain_error / gain", "by_gain = 0.0", "calibration"),
    machine(
        "more starts of the reflection fit dropped",
        "measuring/reflection.py",
        "if found.goodness.doubtful or found.why_none():",
        "if False:",
        "reflection",
    ),
    machine(
        "the mirror of a reflection not looked at",
        "measuring/reflection.py",
        "if found.cut_off or found.goodness.doubtful or opposite not in (None, found.opposite):",
        "if False:",
        "reflection",
    ),
    machine("phase of the pumped JPA mirrored", "apparatus/paramp.py",
            "phase = np.exp(-1j * np.arctan(", "phase = np.exp(1j * np.arctan(", "paramp"),
    machine("a saved pump is off", "apparatus/paramp.py",
            '"pump_on": self._pump_on,', '"pump_on": False,', "paramp"),
    machine("weak antenna does not absorb", "apparatus/cavity.py",
            "(1 - self.rod_share) + self.weak_width_hz", "(1 - self.rod_share)", "cavity"),
    analysis("overlaps the largest, not the mean", "chain/grand.py",
             'view.coarse("overlaps").sum(axis=1) / (view.merge * sums.options.line_bins)',
             'view.fine("overlaps").max(axis=1)',
             "efficiency"),
    analysis("prior on the JPA's width floored", "chain/baseline.py",
             "np.maximum(sensitivity, 0.05)", "np.maximum(sensitivity, 1.0)", "baseline"),
    machine("a Y factor's errors as small as its points say", "measuring/calibration.py",
            "covariance *= chi2 if power_w_error is None else max(1.0, chi2)",
            "covariance *= 1.0 if power_w_error is None else 1.0", "calibration"),
    analysis("one spectrum's spike cuts the bin in all", "chain/looking.py",
             "excess[found.rows, found.columns] = options.spike_threshold_sigma * of_bin",
             "pass", "spikes"),
    analysis("an excess anywhere within 100 kHz confirms", "statistics/rescan.py",
             "np.abs(nu - frequency_hz) <= 0.25 * line_hz", "np.abs(nu - frequency_hz) <= 100e3",
             "rescan"),
    analysis("cut bins still in the response", "chain/reduce.py",
             "seen = amplitude if kept is None else amplitude * kept", "seen = amplitude",
             "efficiency", "nasty"),
    refrigerator("fluid passes pores above their onset", "circuit/loop.py",
                 "min(t_lambda, onset)", "t_lambda", "circuit/test_pump"),
    refrigerator("the flow's bound ten times as wide", "circuit/loop.py",
                 "min(flow, pump[LARGEST_FLOW])", "min(flow, 10 * pump[LARGEST_FLOW])",
                 "circuit/test_pump", "circuit/test_soundness"),
    refrigerator("the loop's resistance a thousandth", "circuit/loop.py",
                 "(pump[RESISTANCE] + dt_s", "(1e-3 * pump[RESISTANCE] + dt_s",
                 "circuit/test_pump"),
    refrigerator("the mixture as thin as helium 4", "fluid/helium_flow.py",
                 "1.3e-6 * (1.0 + 6.5 * x)", "1.3e-6 * (1.0 + 0 * x)", "test_helium"),
    refrigerator("latent heat at 1 K an eighth too small", "fluid/helium_flow.py",
                 "(59.83, 80.2,", "(59.83, 70.6,", "test_helium"),
)  # fmt: skip

OWN = (
    analysis("fit takes steps that raise the objective", "chain/fitting.py",
             "better = after <= before + 1e-9 * np.abs(before)",
             "better = after <= np.inf * np.ones_like(before)", "baseline", "nasty"),
    analysis("deviance does not go on linearly", "chain/fitting.py",
             "inside = np.minimum(np.maximum(residual, below), limit)",
             "inside = np.maximum(residual, below)", "baseline", "nasty", "spikes"),
    analysis("fit's response as if no bin were cut", "chain/reduce.py",
             "averages, job.options, kept)", "averages, job.options)", "efficiency", "nasty"),
    analysis("line scale expects what no fit has touched", "quality/linescale.py",
             "np.maximum(left - taken, 0.0)", "np.maximum(left - 0 * taken, 0.0)", "linescale"),
    analysis("an axion's line is a misfit", "quality/linescale.py",
             "_LINE_SIGMA = 4.5", "_LINE_SIGMA = 1e9", "linescale"),
    analysis("a faint line is a misfit", "quality/linescale.py",
             "_FAINT_SIGMA = 3.0", "_FAINT_SIGMA = 1e9", "linescale"),
    analysis("scatter of dead rows not looked at", "quality/screen.py",
             "ROUGHLY: Final = 2.0", "ROUGHLY: Final = 1e9", "nasty"),
    analysis("clipped rows not looked at", "quality/screen.py",
             "FEWEST_CLIPPED: Final = 8", "FEWEST_CLIPPED: Final = 10**9", "nasty"),
    analysis("half a quantum is enough", "quality/noise.py",
             'return quantum if demands.receiver == "phase preserving" else 0.5 * quantum',
             "return 0.5 * quantum", "quality"),
    analysis("what is off its neighbours is as they are", "quality/noise.py",
             "np.abs(off) > max(limit, _STEP_SIGMA * scatter)", "np.abs(off) > np.inf", "nasty"),
    analysis("half of the stack may be of another gain", "quality/stack.py",
             "few = off <= max(1, _OUTER * quality.spectra)", "few = True", "nasty"),
    analysis("spectra that fail are added all the same", "quality/assess.py",
             "chosen = reduced if good.all() else reduced.rows(np.flatnonzero(good))",
             "chosen = reduced", "quality", "nasty"),
    analysis("what a richer model takes by chance is a misfit", "quality/harm.py",
             "by_chance = own.xi[at] ** 2 - other.xi[there] ** 2", "by_chance = 0.0", "ladder"),
    analysis("an axion's lost power does no harm", "quality/stack.py",
             "_POWER_SLACK: Final = 0.05", "_POWER_SLACK: Final = 10.0", "ladder"),
    analysis("a misfit that adds up does no harm", "quality/stack.py",
             "held.harm.added < _MODEL_SLACK", "held.harm.added < np.inf", "ladder"),
    analysis("more parameters cost nothing in the ladder", "quality/ladder.py",
             "more = float((other.freedom - one.freedom)[rows].sum())", "more = 0.0", "ladder"),
    analysis("a candidate's spectrum may not be seen without the highest", "chain/spikes.py",
             "_SHARED = 0.6", "_SHARED = -1e9", "spikes"),
    analysis("the systematic strengthens the limit", "statistics/limits.py",
             "reaching * left_over(taken)", "reaching / left_over(taken)",
             "limits_and_candidates"),
    analysis("the line's attenuation strengthens the limit", "statistics/limits.py",
             "reaching = calibration.line_transmission * options.density_fraction",
             "reaching = options.density_fraction / calibration.line_transmission",
             "limits_and_candidates"),
    analysis("xi is one", "chain/grand.py",
             'np.maximum(1 - view.single("variance_removed") / found.root**2, 1e-4)',
             'np.maximum(1 - 0 * view.single("variance_removed"), 1e-4)', "efficiency"),
    analysis("cut bins weigh as whole ones", "chain/combine.py",
             "weight = weight * reduced.kept", "weight = weight * 1.0", "efficiency", "ranges"),
    analysis("the same noise twice is not seen", "distinct.py",
             "_ALIKE = 0.5", "_ALIKE = 2.0", "distinct", "nasty"),
    analysis("the axion's own power not attenuated by detuning", "chain/rescale.py",
             "x = (2 * spectra.loaded_q[:, None])", "x = (1 * spectra.loaded_q[:, None])",
             "efficiency", "rescale", "properties"),
    analysis("upcrossings of independent neighbours", "statistics/candidates.py",
             "np.sqrt((1 - correlation) / (1 + correlation))", "1.0", "limits_and_candidates"),
    analysis("online forgets what came before", "online.py",
             "before=self._steady,", "before=Steady(),", "quality"),
    analysis("a doubtful result passes as strict", "pipeline.py",
             'if result.options.demands.bad_spectra == "refuse" and not result.believed:',
             "if False:", "quality"),
    analysis("vetoes: the strength of a line as the fits left it", "vetoes/steps.py",
             'share = np.einsum("nk,nk->n", weights, left)',
             'share = np.einsum("nk,nk->n", weights, line)', "steps"),
    analysis("vetoes: a line is looked for at one place", "vetoes/steps.py",
             "return int(np.argmax(found / np.sqrt(information)))", "return len(found) // 2",
             "steps"),
    analysis("vetoes: the highest step is one of one", "vetoes/following.py",
             "min(1.0, len(seen) * above_normal(apart[top]))", "above_normal(apart[top])",
             "vetting"),
    analysis("vetoes: power that follows the cavity is against it", "vetoes/following.py",
             "above_normal(behind)", "above_normal(-behind)", "vetting"),
    analysis("vetoes: halves in the order of the files", "vetoes/following.py",
             'order = np.argsort(seen.time_s, kind="stable")', "order = np.arange(len(seen))",
             "vetting"),
    analysis("vetoes: the field is not squared", "vetoes/fieldoff.py",
             "(low / high) ** 2", "low / high", "rescan"),
    analysis("vetoes: the widest of many lines is one of one", "vetoes/shape.py",
             "min(1.0, tried * above_normal(best))", "above_normal(best)", "vetting"),
    analysis("vetoes: the halo is known exactly", "vetoes/steps.py",
             "_TAKEN_UP, _SPEEDS = 0.5, 0.1", "_TAKEN_UP, _SPEEDS = 1e-9, 1e-9", "vetting"),
    analysis("vetoes: each test may lose the whole share", "vetoes/vetting.py",
             "level = reduction.job.options.false_veto / len(made)",
             "level = reduction.job.options.false_veto", "vetting"),
    analysis("vetoes: the limit ignores the power of the interference", "vetoes/raising.py",
             "power[here] = np.maximum(more, 1.0)", "power[here] = 1.0", "vetting"),
    analysis("vetoes: a vetoed candidate makes a gap", "pipeline.py",
             "return self._away_from(self.standing)",
             "return self._away_from(self.candidates)", "vetting"),
    analysis("width's error as if bins were independent", "quality/stack.py",
             "np.sqrt((rho**2).sum() / (2 * n))", "np.sqrt(1 / (2 * n))", "checks"),
    analysis("a strong candidate is as expected", "quality/stack.py",
             "chance = 1.0 if highest is None else highest.global_p", "chance = 1.0", "checks"),
    analysis("neighbours expected uncorrelated", "quality/residuals.py",
             "-taken / np.maximum(count, 1)", "0 * taken", "linescale"),
    analysis("a candidate's axion counts as excluded by the power measured", "statistics/bayes.py",
             "mu * (normalised - 0.5 * mu)", "mu * (np.minimum(normalised, 3.0) - 0.5 * mu)",
             "bayes"),
    analysis("the update's mean where it first falls", "statistics/bayes.py",
             "excluded_strength(x, per_dfsz, 1 - left / share).max()",
             "np.median(excluded_strength(x, per_dfsz, 1 - left / share))", "bayes"),
    analysis("bins that say nothing are excluded", "statistics/bayes.py",
             "left = 1 - confidence - (1 - share)", "left = 1 - confidence", "bayes"),
    analysis("noise is drawn as if bins shared none", "statistics/bayes.py",
             'convolve1d(noise, taps, mode="constant")[:bins]', "noise[:bins]", "bayes"),
    analysis("the rest of the band with the candidate", "statistics/powermeasured.py",
             "away = core & excluded & heard", "away = core & heard", "bayes"),
    analysis("a vetoed bin shows its excess", "statistics/powermeasured.py",
             "now = np.where(heard, update(x, snr, target), 1.0)", "now = update(x, snr, target)",
             "bayes"),
    analysis("the update asks the same excess everywhere", "statistics/decision.py",
             "0.5 * mean[some] + log_update / mean[some]",
             "0.5 * np.median(mean) + log_update / np.median(mean)", "bayes"),
    analysis("independent bins in what a rule costs", "statistics/decision.py",
             "root = np.sqrt((1 - correlation) / (1 + correlation))", "root = 1.0", "bayes"),
    analysis("online forgets the update", "touched.py",
             "bayes_per_gev=excluded_coupling(grand, bound.expected_snr,",
             "bayes_per_gev=excluded_coupling(grand, 2 * bound.expected_snr,", "bayes_shown"),
    analysis("a window's update the sum of its bins", "statistics/powermeasured.py",
             "return np.array(rows) / counts[filled], counts", "return np.array(rows), counts",
             "bayes"),
    analysis("under a vetoed candidate the power measured excludes", "pipeline.py",
             "silent=~self._away_from(self.vetoed)", "silent=None", "bayes"),
    analysis("copies are looked for at their place alone", "spectra.py",
             "demand_none_elsewhere(windows, averages, name)", "pass", "copies"),
    analysis("what is read backwards is not a copy", "copies.py",
             "backwards = second[::-1]", "backwards = second", "copies"),
    analysis("online forgets landmarks that went into its tree", "known.py",
             "self._trees.append(_Tree.of(spectra, Landmarks.together(marks)))",
             "pass", "copies"),
    analysis("sums that share spectra are joined", "chain/combine.py",
             "if shared := self._noise.shared(other._noise):",
             "if shared := 0 * self._noise.shared(other._noise):", "copies"),
    analysis("a sum passes beside its parts", "copies.py",
             "_MIXED: Final = 0.5", "_MIXED: Final = 2.0", "copies"),
)  # fmt: skip

MUTATIONS = FOUND + OWN
