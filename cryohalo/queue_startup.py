"""Start-up of bluesky-queueserver's worker: RE, both instruments, all plans.

start-re-manager --startup-module cryohalo.queue_startup ...   (``cryohalo up`` does;
docs/how_to/queue.md)

The configuration (``cryohalo.configuration``) says with which catalog and instruments. Without IOCs
the worker's environment does not open and says which process variables are missing; to list plans
and devices (``qserver-list-plans-devices``) without them, set ``CRYOHALO_CONNECT=no``.
"""

from __future__ import annotations

import os

from cryohalo.configuration import read
from cryohalo.queue_plans import queue_plans, without_result
from cryohalo.session import Session, namespace

values = read().values
prefixes = {name: one.prefix for name, one in values.instruments.items()}
session = Session.open(
    values.catalog.folder,
    amrr_prefix=prefixes.get("amrr"),
    halo_prefix=prefixes.get("haloscope"),
    hardware=values.hardware,
    connect=os.environ.get("CRYOHALO_CONNECT", "yes") != "no",
)
RE = session.run_engine
instruments = {
    name: device
    for name, device in namespace(session).items()
    if name in ("refrigerator", "haloscope")
}
globals().update(instruments)
plans = queue_plans(instruments, session.catalog, session.analysis)
globals().update({name: without_result(plan) for name, plan in plans.items()})
del plans
