"""The end of a search: the envelope is opened, and what was in it is on record."""

from collections.abc import Mapping
from typing import Any

import bluesky.plan_stubs as bps
from bluesky.utils import MsgGenerator

from devices.haloscope import Haloscope
from plans.shared.common import in_run, metadata, provenance, record, require
from plans.shared.needs import needs

__all__ = ["unseal"]


@needs("seal")
def unseal(
    haloscope: Haloscope,
    key: str | None = None,
    *,
    md: Mapping[str, Any] | None = None,
) -> MsgGenerator[str]:
    """Open the sealed envelope, for good, and record what was in it. Returns its text.

    The run's start document says what was hidden, under which hash, when it was opened and by whom.
    Nothing is recorded if the IOC refuses. No queue offers this plan: it would keep the key.

    Parameters
    ----------
    haloscope
        the device.
    key
        opens a blind envelope; None for one that is not blind. It goes into no document.
    md
        metadata for the start document.
    """
    require(key is None or bool(key.strip()), "unseal: the key is empty")
    if key is None:
        yield from bps.abs_set(haloscope.seal.unseal, 1, wait=True)
    else:
        yield from bps.abs_set(haloscope.seal.unseal_key, key.strip(), wait=True)
    machine = yield from provenance(haloscope)
    start = metadata("unseal", [haloscope.seal], {}, md, **machine)
    yield from in_run(record([haloscope.seal, haloscope.sim], "primary"), start)
    return str(machine.get("envelope", ""))
