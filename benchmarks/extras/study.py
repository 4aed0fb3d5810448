"""A design study of four machines on the coarsest grid, in one process, and its figure."""

from amrr.design.figures import front_figure
from amrr.design.search import StudyOptions, search
from amrr.design.store import Store

study = search(StudyOptions(population=4, generations=1, nodes=8, dt_s=0.5), Store(None))
front_figure(study).savefig("front.png")
