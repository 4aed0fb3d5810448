"""What nobody at the experiment knows of it: how the apparatus differs from what its owners state.

A form factor is calculated, a mean field follows from a map, a line's loss is measured by two
reflections, the noise source has a thermometer: each is off by an amount that no instrument here
shows. The seed draws it once for a machine's life, with the spreads of the parameter group
``unknowns``. Owners know the spreads, as the errors that they state; the draw is truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from haloscope.parameters import HaloscopeParameters
from instruments.random import generator

__all__ = ["Unknowns"]

#: Standard deviations beyond which nothing is drawn: no factor comes out at zero or below.
_FURTHEST: Final = 4.0


@dataclass(frozen=True)
class Unknowns:
    """How one machine differs from what is stated of it.

    Attributes:
        form_factor: True form factor over the stated one.
        field: True mean field over the stated one.
        line_attenuation_db: Loss between antenna and switch that the signal meets beyond what the
            reflections tell, dB; may be negative.
        noise_source: True temperature of the noise source over what its thermometer says.
    """

    form_factor: float = 1.0
    field: float = 1.0
    line_attenuation_db: float = 0.0
    noise_source: float = 1.0

    @classmethod
    def drawn(cls, parameters: HaloscopeParameters, seed: int) -> Unknowns:
        """Those of the machine with this seed.

        Args:
            parameters: Their spreads; all zero for a machine as stated.
            seed: The machine's.
        """
        spread = parameters.unknowns
        draws = generator(seed, "unknowns").standard_normal(4)
        form, field, line, source = np.clip(draws, -_FURTHEST, _FURTHEST).tolist()
        return cls(
            form_factor=1 + spread.form_factor_spread * form,
            field=1 + spread.field_spread * field,
            line_attenuation_db=spread.line_attenuation_spread_db * line,
            noise_source=1 + spread.noise_source_spread * source,
        )
