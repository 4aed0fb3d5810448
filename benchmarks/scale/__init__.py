"""How time, memory and bytes grow with steps, PVs, clients, runs, spectra, workers and hosts.

    python -m benchmarks.scale                    # all axes at their usual sizes, some ten minutes
    python -m benchmarks.scale clients runs       # these alone
    python -m benchmarks.scale --large            # the dear sizes too, once: half an hour more
    python -m benchmarks.scale --page             # and write the tables into the page

What was measured is kept in ``reports/scale.json`` point by point and not measured again, so that a
run that was cut off goes on; ``--again`` measures anew. Each point is a process of its own.
"""
