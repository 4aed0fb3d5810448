"""Bulk flow from lump to lump: face values that neither spread a profile nor overshoot. Compiled.

The coordinate is the volume of the fluid, in which the flow has one velocity everywhere. The value
that crosses a face is the mean, over the volume swept, of the parabola through the contents of
three lumps: QUICKEST (B. P. Leonard, Comput. Methods Appl. Mech. Eng. 19, 59 (1979)), here for
lumps of different volumes. Its error is dispersive, of fourth order in what spreads. Leonard's
universal limiter (ibid. 88, 17 (1991), ULTIMATE) then keeps every lump within the values of its
upstream neighbour and itself, so that 3He stays positive and no temperature is invented, as long
as no lump is swept more than once in a step.

Spreading that is physical, by the packing and by diffusion, is ``amrr.circuit.slip``'s.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from amrr.compiled import jit

Array = NDArray[np.float64]

#: Below this, in m3, nothing flows in a step.
NO_FLOW_M3: Final = 1e-21


#: Rows of ``spans``.
PER_BEFORE: Final = 0
PER_AFTER: Final = 1
PER_THREE: Final = 2


def spans(volumes: Array) -> Array:
    """What the parabola through three lumps needs of their volumes, shape (3, M + 2), 1/m3.

    By lump of the chain: one over its volume and that of the lump before it, and after it, and of
    all three. Before the first is pump bed A, after the last pump bed B.

    Args:
        volumes: Of fluid in the lumps of the chain, then in beds A and B, m3.
    """
    count = volumes.size - 2
    here = volumes[:count]
    before = np.concatenate((volumes[count : count + 1], here[:-1]))
    after = np.concatenate((here[1:], volumes[count + 1 :]))
    found = np.zeros((3, volumes.size))
    found[:, :count] = 1.0 / (here + before), 1.0 / (here + after), 1.0 / (before + here + after)
    return found


@jit
def face_value(
    behind: float, here: float, ahead: float, swept: float, part: float, v_here: float,
    v_ahead: float, per_behind: float, per_ahead: float, per_three: float,
) -> float:  # fmt: skip
    """Mean of what leaves lump ``here`` towards ``ahead``.

    Args:
        behind: Content per volume of the lump upstream.
        here: Of the lump that the fluid leaves.
        ahead: Of the lump that it enters.
        swept: Volume that crosses the face in the step, above 0 and at most ``v_here``.
        part: ``v_here`` over that.
        v_here: Volume of the lump that the fluid leaves.
        v_ahead: Of the lump that it enters.
        per_behind: One over the volume of this lump and of that upstream together.
        per_ahead: Of this lump and of that which the fluid enters.
        per_three: Of all three.
    """
    rise = ahead - behind
    if (ahead - here) * (here - behind) <= 0.0:
        return here
    up = (behind - here) * per_behind
    down = (ahead - here) * per_ahead
    curved = (swept + v_ahead) * (up + down) * per_three
    value = here + (v_here - swept) * (down - curved)
    furthest = behind + (here - behind) * part
    if rise > 0.0:
        return min(max(value, here), min(furthest, ahead))
    return max(min(value, here), max(furthest, ahead))


@jit
def face_values(
    x: Array, volumes: Array, span: Array, plug: Array, value: int, face: int, moved: float
) -> None:
    """Values of row ``value`` at the faces 0..M of the chain, into row ``face``.

    Args:
        x: State of the lumps; the chain, then pump beds A and B.
        volumes: Of their fluid, m3.
        span: ``spans`` of them.
        plug: 1 where the fluid is not mixed inside the lump.
        value: Row to be carried.
        face: Row for the values at the face before each lump, and behind the last.
        moved: Volume moved in this step, positive along the chain, m3.
    """
    count = x.shape[1] - 2
    if abs(moved) < NO_FLOW_M3:
        for k in range(count + 1):
            x[face, k] = 0.0
        return
    # One direction is the other seen from the end.
    first, step, bed, far = (
        (0, 1, count, count + 1) if moved > 0.0 else (count, -1, count + 1, count)
    )
    back, front = (PER_BEFORE, PER_AFTER) if moved > 0.0 else (PER_AFTER, PER_BEFORE)
    swept = abs(moved)
    per_swept = 1.0 / swept  # divisions cost more than all else here
    shift = 0 if moved > 0.0 else -1
    x[face, first] = x[value, bed]
    behind = bed
    for k in range(1, count + 1):
        face_k = first + step * k
        here = face_k - 1 - shift
        ahead = far if k == count else here + step
        if plug[here] > 0.0:
            v_here = volumes[here]
            x[face, face_k] = face_value(
                x[value, behind], x[value, here], x[value, ahead], swept, v_here * per_swept,
                v_here, volumes[ahead], span[back, here], span[front, here], span[PER_THREE, here],
            )  # fmt: skip
        else:
            x[face, face_k] = x[value, here]
        behind = here
