"""The grand spectrum and the limit of a scan while it runs: in the terminal, or a figure."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from haloscope.analysis.apparatus import described
from haloscope.analysis.live import options_for
from haloscope.analysis.online import Online
from haloscope.analysis.options import Options
from haloscope.analysis.spectra import FloatArray
from haloscope.analysis.statistics.limits import dfsz, ksvz
from haloscope.analysis.update import OnlineUpdate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["LiveLimit", "of_documents"]

#: A chart is drawn by itself at most so often, wall seconds.
DRAWN_EVERY_S: Final = 30.0
#: Points of a chart: the worst limit and the highest excess within each.
POINTS: Final = 120
_HIGH: Final = 12


class LiveLimit:
    """A bluesky callback that keeps the newest grand spectrum and limit.

    Args:
        out: Takes the lines of a chart every ``DRAWN_EVERY_S``; None for never by itself.
        options: Of the analysis; those of the apparatus that a run states if not given.
        clock: Wall time, s.
    """

    def __init__(
        self,
        out: Callable[[str], None] | None = None,
        options: Options | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._out, self._clock = out, clock
        self._options = options
        self._begin(options)
        self._drawn = clock()

    def __call__(self, name: str, document: Mapping[str, Any]) -> None:
        """Take a document."""
        if name == "start" and self._options is None:
            self._suit(document)
        self._online(name, document)

    def _begin(self, options: Options | None) -> None:
        """With empty sums."""
        self._online = Online(options, publish=self._updated, keep=False)
        self._coupling: dict[float, float] = {}
        self._excess: dict[float, float] = {}
        self.spectra = 0

    def _suit(self, start: Mapping[str, Any]) -> None:
        """Analyse as the apparatus of a run asks for; of another one all begins anew."""
        known = described(start)
        options = None if known is None else options_for(known)
        if options is not None and options != self._online.options:
            self._begin(options)

    def _updated(self, update: OnlineUpdate) -> None:
        self.spectra = update.spectra
        if update.limit is not None:
            pairs = zip(update.limit.frequency_hz, update.limit.coupling_per_gev, strict=True)
            self._coupling |= {float(nu): float(g) for nu, g in pairs}
        if update.grand is not None:
            bins = zip(update.grand.frequency_hz, update.grand.normalised, strict=True)
            self._excess |= {float(nu): float(excess) for nu, excess in bins}
        now = self._clock()
        if self._out is not None and now - self._drawn >= DRAWN_EVERY_S:
            self._drawn = now
            for line in self.lines():
                self._out(line)

    def limit(self) -> tuple[FloatArray, FloatArray]:
        """Frequencies, Hz, and the couplings excluded there, 1/GeV, where any are; shapes (k,)."""
        nu, coupling = _arrays(self._coupling)
        kept = np.isfinite(coupling)
        return nu[kept], coupling[kept]

    def grand(self) -> tuple[FloatArray, FloatArray]:
        """Frequencies of the grand bins, Hz, and their excess, sigma; shapes (k,)."""
        return _arrays(self._excess)

    def lines(self, width: int = 80) -> list[str]:
        """Both as charts of text.

        Args:
            width: Characters of a line.
        """
        nu, coupling = self.limit()
        where, excess = self.grand()
        if not len(nu) or not len(where):
            return [f"no limit yet: {self.spectra} spectra are in the sums"]
        places, worst = thinned(nu, coupling, np.max)
        best = int(np.argmax(excess))
        of_ksvz = float(np.median(coupling / ksvz(nu)))
        models = {"KSVZ": ksvz(nu), "DFSZ": dfsz(nu)}
        axions = ", ".join(f"{m} {np.median(g) * 1e15:.3g}" for m, g in models.items())
        return [
            f"{self.spectra} spectra; median limit {np.median(coupling):.3g}/GeV, "
            f"{of_ksvz:.3g} KSVZ; the level lines: {axions}",
            *_chart(
                width,
                "1e-15/GeV",
                {
                    "limit": (places, worst * 1e15),
                    "KSVZ": (places, ksvz(places) * 1e15),
                    "DFSZ": (places, dfsz(places) * 1e15),
                },
            ),
            f"grand spectrum: highest {excess[best]:.2f} sigma at {where[best] / 1e6:.6f} MHz",
            *_chart(width, "sigma", {"highest excess": thinned(where, excess, np.max)}),
        ]

    def figure(self) -> Figure:
        """Both as a figure; ``show`` it, or save it."""
        from cryohalo.live.limit_figure import limit_figure

        return limit_figure(*self.limit(), *self.grand())


def of_documents(documents: Iterable[tuple[str, Mapping[str, Any]]]) -> LiveLimit:
    """The same of runs that are recorded."""
    found = LiveLimit()
    for name, document in documents:
        found(name, document)
    return found


def _arrays(found: Mapping[float, float]) -> tuple[FloatArray, FloatArray]:
    places = sorted(found)
    return np.asarray(places), np.asarray([found[place] for place in places])


def thinned(
    nu: FloatArray, values: FloatArray, which: Callable[[FloatArray], Any]
) -> tuple[FloatArray, FloatArray]:
    """At most ``POINTS`` places, Hz, each with one value of those about it."""
    parts = min(POINTS, len(nu))
    places = [float(np.mean(part)) for part in np.array_split(nu, parts)]
    return np.asarray(places), np.asarray([which(p) for p in np.array_split(values, parts)])


def _chart(width: int, unit: str, curves: Mapping[str, tuple[FloatArray, FloatArray]]) -> list[str]:
    """A chart in braille dots over MHz."""
    import plotille

    figure = plotille.Figure()
    figure.width, figure.height = max(20, width - 20), _HIGH
    figure.color_mode, figure.with_colors = "names", False
    figure.x_label, figure.y_label = "MHz", unit
    figure.register_label_formatter(float, _tick)
    for nu, values in curves.values():
        figure.plot((nu / 1e6).tolist(), values.tolist())
    text: str = figure.show()
    return [line.rstrip() for line in text.splitlines()]


def _tick(value: float, chars: int, delta: float, left: bool = False) -> str:
    text = f"{value:.2f}" if abs(value) >= 100 else f"{value:.3g}"
    return text.ljust(chars) if left else text.rjust(chars)
