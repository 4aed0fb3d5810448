"""Workers of a Monte Carlo: Dask's local cluster, and threads beside it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from benchmarks.analysis_speed import stack
from benchmarks.scale.axis import Axis, Quantity
from benchmarks.scale.process import peak_mb
from haloscope.analysis.statistics.distribute import run
from haloscope.analysis.statistics.montecarlo import Plan

#: So many batches of 50, whatever the number of workers.
EXPERIMENTS = 1600


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def measure(size: int) -> dict[str, float]:
    """The same Monte Carlo on so many processes of a cluster, and on as many threads."""
    from distributed import Client, LocalCluster

    plan = Plan(stack(15), experiments=EXPERIMENTS)
    threads_s = timed(lambda: run(plan, workers=size))
    begin = time.perf_counter()
    with (
        LocalCluster(
            n_workers=size,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address=None,
            memory_limit=0,
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(size)
        start_s = time.perf_counter() - begin
        client.gather(client.map(_warmed, range(4 * size), pure=False))
        cluster_s = timed(lambda: run(plan, client=client))
        pids = client.run(os.getpid)
        workers_mb = sum(peak_mb(pid) for pid in pids.values())
    return {
        "cluster_s": cluster_s,
        "threads_s": threads_s,
        "start_s": start_s,
        "workers_mb": workers_mb,
        "faster": threads_s / cluster_s,
    }


def _warmed(_: int) -> int:
    """Have a worker import what the work needs."""
    import haloscope.analysis.statistics.montecarlo  # noqa: F401

    return os.getpid()


AXIS = Axis(
    name="workers",
    title="workers of a Monte Carlo",
    told=(
        f"{EXPERIMENTS} x 15 spectra with every baseline fitted, in batches of 50, the same "
        "numbers whoever draws them: on a local cluster of Dask (one process of one thread "
        "each, scheduler beside them, over loopback) and on threads of one process. Start of "
        "the cluster apart."
    ),
    why=(
        f"This machine has {os.cpu_count()} cores: beyond as many workers nothing can be gained, "
        "whatever their number, while memory grows with every process. Threads do the same work "
        "without processes, messages and a scheduler; where the difference goes was not traced. "
        "What more workers would bring on more cores cannot be seen here."
    ),
    sizes=(1, 2, 4, 8, 16),
    large=(),
    quantities={
        "cluster_s": Quantity("on the cluster", "s", "time"),
        "threads_s": Quantity("on threads", "s", "time"),
        "start_s": Quantity("start of the cluster", "s", "time"),
        "workers_mb": Quantity("peak memory, all workers", "MB", "memory"),
        "faster": Quantity("threads over cluster", "", "other"),
    },
    measure=measure,
)
