"""Spectra at candidates with the magnet ramped down: an axion is gone then, interference is not."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from haloscope.analysis.exchange.keys import FIELD_OFF
from instruments.ranges import within
from plans.haloscope.commissioning import cool_and_ramp
from plans.haloscope.rescans import targets_about
from plans.haloscope.scan import scan
from plans.haloscope.setting_up import check_all
from plans.haloscope.steps import remaining
from plans.shared.common import require, value_of
from plans.shared.needs import needs

__all__ = ["NotConfirmedError", "back_at", "field_off"]

#: Nearer than this to a field, the magnet is at it, T.
SAME_FIELD_T = 0.02


class NotConfirmedError(RuntimeError):
    """A ramp of hours that nobody has confirmed; the message says how long."""


@needs("antenna", "magnet", "fridge.mxc")
def field_off(
    haloscope: Haloscope,
    candidates_mhz: Sequence[float],
    *,
    field_t: float = 0.0,
    confirmed: bool = False,
    ramp_back: bool = True,
    back_t: float | None = None,
    averages: int | None = None,
    half_width_khz: float | None = None,
    step_khz: float | None = None,
    cold_k: float | None = None,
    calibration: Mapping[str, float] | None = None,
    done_mhz: Iterable[float] = (),
    of: Sequence[str] = (),
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[list[float]]:
    """Ramp the magnet down, take spectra at candidates, ramp back.

    Three runs: ``cool_and_ramp``, ``field_off`` and ``cool_and_ramp``, all labelled by ``purpose``
    in their start documents. The analysis keeps the spectra apart from those of the search. A plan
    that ends early leaves the magnet where it is: called again with what was done, it takes the
    rest and ramps back to ``back_t``.

    Parameters
    ----------
    haloscope
        The device.
    candidates_mhz
        Frequencies of the candidates, MHz.
    field_t
        Field to take them at, T.
    confirmed
        The ramps may be made: they take hours and heat the magnet. Without it a plan that would
        have to ramp ends before anything moves, and says how long it would take.
    ramp_back
        Go back to the field afterwards.
    back_t
        Field to go back to, T; the one that the magnet was found at if not given.
    averages
        Spectra averaged at each step; as in a rescan if not given.
    half_width_khz
        Steps up to this far from each candidate; as in a rescan if not given.
    step_khz
        Distance of the steps; as described if not given.
    cold_k
        The mixing chamber must be below this before and after each ramp, K; as of
        ``cool_and_ramp`` if not given.
    calibration
        For the start document.
    done_mhz
        Targets recorded by an earlier run, not to be taken again.
    of
        Uids of the search's runs, for the start document: their analysis finds these spectra.
    md
        Metadata for the start documents.

    Returns
    -------
    The targets taken.

    Raises
    ------
    ValueError
        Nonsense in the arguments; nothing has moved.
    LimitError
        A field or a target beyond a limit of some device; nothing has moved.
    NotConfirmedError
        The magnet is at another field and ``confirmed`` was not said; nothing has moved.
    RuntimeError
        A quench is latched.
    """
    described = haloscope.apparatus
    targets = targets_about(described, candidates_mhz, half_width_khz, step_khz)
    averages = described.operation.rescan_averages if averages is None else averages
    within("field_t", field_t, 0.0, described.magnet.full_field_t, "T")
    for field in (field_t, *(() if back_t is None else (back_t,))):
        haloscope.magnet.field.check_value(field)
    check_all(haloscope, [(target, averages) for target in targets])
    require(back_t is None or back_t > field_t, f"back_t {back_t} T is not above {field_t} T")
    readback = haloscope.magnet.field.readback
    found_t = float((yield from value_of(readback, described.magnet.full_field_t)))
    label = {"purpose": FIELD_OFF, "candidates_mhz": [float(f) for f in candidates_mhz]}
    more = {**label, "field_off_of": [str(uid) for uid in of], **(md or {})}
    away = abs(found_t - field_t) > SAME_FIELD_T
    if away and not confirmed:
        raise NotConfirmedError((yield from _hours(haloscope, found_t, field_t)))
    todo = remaining(targets, done_mhz)
    if todo:
        if away:
            yield from cool_and_ramp(haloscope, field_t, cold_k=cold_k, md=more)
        named = {"plan_name": "field_off", **more}
        yield from scan(
            haloscope, targets, averages=averages, calibration=calibration,
            done_mhz=list(done_mhz), md=named,
        )  # fmt: skip
    last_t = found_t if back_t is None else back_t
    if ramp_back and last_t - field_t > SAME_FIELD_T and (todo or not away):
        yield from cool_and_ramp(haloscope, last_t, cold_k=cold_k, md=more)
    return todo


def back_at(
    haloscope: Haloscope, field_t: float, md: Mapping[str, Any], *, may_ramp: bool
) -> MsgGenerator[None]:
    """Back to the field of the search, where a campaign was cut while it was off.

    Parameters
    ----------
    haloscope
        The device.
    field_t
        Of the search, T.
    md
        Metadata for the start document.
    may_ramp
        The ramp may be made.

    Raises
    ------
    RuntimeError
        The magnet is at another field, and nobody said that it may be ramped.
    """
    found_t = float((yield from value_of(haloscope.magnet.field.readback, field_t)))
    if abs(found_t - field_t) <= SAME_FIELD_T:
        return
    if not may_ramp:
        raise RuntimeError(
            f"{haloscope.name}: the magnet is at {found_t:.3f} T, the campaign's spectra were "
            f"taken at {field_t:.3f} T: ramp it there, or say field_off=True if the campaign may"
        )
    yield from cool_and_ramp(haloscope, round(field_t, 3), md=md)


def _hours(haloscope: Haloscope, from_t: float, to_t: float) -> MsgGenerator[str]:
    """What is to be confirmed, in words."""
    current = float((yield from value_of(haloscope.magnet.current.readback, 0.0)))
    rate = float((yield from value_of(haloscope.magnet.ramp_rate, 0.0)))
    told = ""
    if current and rate and from_t:
        hours = abs((from_t - to_t) / from_t * current / rate) / 3600
        told = f", about {hours:.1f} h each way at {rate:g} A/s"
    return (
        f"{haloscope.name}: the magnet is at {from_t:.3f} T and would be ramped to {to_t:g} T"
        f"{told}: say confirmed=True if it may"
    )
