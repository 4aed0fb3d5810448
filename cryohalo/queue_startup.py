"""Start-up of bluesky-queueserver's worker: RE, both instruments, all plans.

start-re-manager --startup-module cryohalo.queue_startup ...   (docs/plans.md has the whole line)

The environment says with what, as the options of ``cryohalo session`` do: ``CRYOHALO_CATALOG``
(folder of the catalog, ``data/runs``), ``CRYOHALO_AMRR_PREFIX`` (``AMRR:``) and
``CRYOHALO_HALO_PREFIX`` (``HALO:``; an empty one leaves the instrument out). Without IOCs the
worker's environment does not open and says which process variables are missing; to list plans and
devices (``qserver-list-plans-devices``) without them, set ``CRYOHALO_CONNECT=no``.
"""

from __future__ import annotations

import os

from cryohalo.queue_plans import queue_plans
from cryohalo.session import Session, namespace

session = Session.open(
    os.environ.get("CRYOHALO_CATALOG", "data/runs"),
    amrr_prefix=os.environ.get("CRYOHALO_AMRR_PREFIX", "AMRR:") or None,
    halo_prefix=os.environ.get("CRYOHALO_HALO_PREFIX", "HALO:") or None,
    connect=os.environ.get("CRYOHALO_CONNECT", "yes") != "no",
)
RE = session.run_engine
instruments = {
    name: device
    for name, device in namespace(session).items()
    if name in ("refrigerator", "haloscope")
}
globals().update(instruments)
globals().update(queue_plans(instruments, session.catalog))
