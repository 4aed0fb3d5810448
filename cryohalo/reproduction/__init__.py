"""What the two papers state, beside what this gives: ``cryohalo reproduce``.

``claims/`` holds what the papers say, once, as data. ``computations/`` holds one file a subject,
each a *room* of ``rooms``: it gives findings by the names of claims, by the models where a claim is
about design, and through IOC, devices, plans, catalog and analysis where it is about a measurement.
``running`` runs rooms as processes of their own and keeps what they find; ``verdict`` compares.
"""
