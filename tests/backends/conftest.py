from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.backends.backends import BACKENDS, PLANTS, Backend


@pytest.fixture(params=BACKENDS)
def refrigerator(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The refrigerator behind each back end."""
    yield from _behind(request.param, "amrr")


@pytest.fixture(params=BACKENDS)
def haloscope(request: pytest.FixtureRequest) -> Iterator[Backend]:
    """The haloscope behind each back end."""
    yield from _behind(request.param, "haloscope")


@pytest.fixture(params=PLANTS)
def pair(request: pytest.FixtureRequest) -> Iterator[tuple[Backend, Backend]]:
    """One instrument twice, of the same seed: on the wire and in process."""
    both = tuple(backend(PLANTS[request.param](seed=5)) for backend in BACKENDS.values())
    yield both  # type: ignore[misc]
    for backend in both:
        backend.close()


def _behind(backend: str, instrument: str) -> Iterator[Backend]:
    made = BACKENDS[backend](PLANTS[instrument](seed=5))
    yield made
    made.close()
