"""What a computation is given: its settings, its folder, where its figures and progress go."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cryohalo.reproduction.finding import Finding

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["FIGURES", "Answers", "Drawn", "Settings", "Work"]

FIGURES: Final = "figures"

#: What a computation gives: findings by the names of claims.
Answers = Mapping[str, Finding]


def _nobody(share: float) -> None:
    """Who tells nobody how far it is."""


@dataclass(frozen=True)
class Settings:
    """What decides a result, beside the code.

    Attributes:
        quick: Smaller settings: results are marked.
        seed: Of both simulations and of every Monte Carlo.
    """

    quick: bool = False
    seed: int = 1

    def recorded(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Drawn:
    """A figure that was saved.

    Attributes:
        name: Of its files, without suffix.
        caption: What it shows.
        claims: Which rows it belongs to.
    """

    name: str
    caption: str
    claims: tuple[str, ...]


@dataclass
class Work:
    """One run of a computation.

    Attributes:
        settings: What decides the result.
        folder: Of this computation alone, for what it goes on from when it was interrupted.
        output: Of the whole reproduction; figures go to ``figures`` in there.
        tell: Called with the share that is done, 0 to 1.
        drawn: Figures so far.
        left_out: Claims that these settings leave out, and why.
    """

    settings: Settings
    folder: Path
    output: Path
    tell: Callable[[float], None] = _nobody
    drawn: list[Drawn] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def leave_out(self, claim: str, why: str) -> None:
        """Say why a claim has no finding with these settings."""
        self.left_out[claim] = why

    @property
    def quick(self) -> bool:
        """Whether smaller settings were asked for."""
        return self.settings.quick

    def figure(self, name: str, figure: Figure, caption: str, claims: Sequence[str]) -> None:
        """Save a figure as PNG and PDF, and as SVG for the page in either theme."""
        from instruments.drawing import save, themed_svg

        folder = self.output / FIGURES
        folder.mkdir(parents=True, exist_ok=True)
        save(figure, folder / name)
        (folder / f"{name}.svg").write_text(themed_svg(figure), encoding="utf-8")
        self.drawn.append(Drawn(name, caption, tuple(claims)))
