"""The waterfall: a line stands out of a receiver's shape; what is no spectrum makes no row."""

from __future__ import annotations

import json
from base64 import b64decode

import numpy as np
import pytest

from cryohalo.page.board import Board
from cryohalo.page.variables import Variable
from cryohalo.page.waterfall import (
    COLUMNS,
    HIGHEST,
    LOWEST,
    ROWS,
    Waterfall,
    level_of,
    residuals,
)
from tests.session.page.conftest import Served

LINE = 400


def spectrum(seed: int, line: float = 0.0) -> np.ndarray:
    """A shape of 10 dB, noise of 0.2 %, and a line of ``line`` noises."""
    x = np.linspace(-1.0, 1.0, 1000)
    shape = 1e-11 / (0.1 + x**2)
    noise = 2e-3 * np.random.default_rng(seed).normal(size=x.size)
    noise[LINE] += 2e-3 * line
    return shape * (1.0 + noise)


def test_a_line_stands_out_of_the_receivers_shape() -> None:
    level = level_of(spectrum(1, line=12.0))
    assert level is not None
    left = residuals(level)
    assert left is not None
    assert int(np.argmax(left)) == LINE
    assert left[LINE] == pytest.approx(12.0, abs=2.5)
    assert np.std(np.delete(left, LINE)) == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("power", [np.zeros(0), np.zeros(9), -np.ones(9), np.full(9, np.nan)])
def test_what_is_no_spectrum_makes_no_row(power: np.ndarray) -> None:
    assert level_of(power) is None


@pytest.mark.parametrize("level", [np.zeros(20), np.zeros(1000), np.linspace(0.0, 1.0, 1000)])
def test_what_has_no_scatter_makes_no_row(level: np.ndarray) -> None:
    assert residuals(level) is None


def test_corners_that_all_spectra_have_are_not_shown() -> None:
    """An amplifier's gain falls off at once beside its band."""
    board, waterfall = board_and_waterfall()
    corners = np.where(np.abs(np.arange(1000) - 500) < 100, 8.0, 1.0)
    for count in range(12):
        power = corners * spectrum(count, line=20.0 if count == 11 else 0.0)
        board.update("DAQ:Preview_RBV", power, 0, float(count + 1))
        waterfall.sample()
    levels = np.frombuffer(b64decode(waterfall.since(11)[0]), dtype=np.uint8)
    assert np.flatnonzero(levels > 200).tolist() == [LINE // 2]


def board_and_waterfall() -> tuple[Board, Waterfall]:
    board = Board("T:", [Variable("DAQ:Preview_RBV", "", "array")])
    return board, Waterfall(board)


def test_each_spectrum_makes_one_row_and_the_last_are_kept() -> None:
    board, waterfall = board_and_waterfall()
    waterfall.sample()
    for count in range(ROWS + 30):
        line = 30.0 if count == ROWS + 29 else 0.0
        board.update("DAQ:Preview_RBV", spectrum(count, line), 0, float(count + 1))
        waterfall.sample()
        waterfall.sample()
    assert waterfall.count == ROWS + 30
    assert len(waterfall.since(0)) == ROWS
    assert len(waterfall.since(ROWS + 28)) == 2
    assert waterfall.since(10**9) == []
    levels = np.frombuffer(b64decode(waterfall.since(0)[-1]), dtype=np.uint8)
    assert levels.size == COLUMNS
    assert int(np.argmax(levels)) == LINE * COLUMNS // 1000
    assert levels.max() == 255
    middle = LOWEST + np.median(levels) / 255 * (HIGHEST - LOWEST)
    assert 0.0 < middle < 1.5  # the higher of two points of unit scatter
    board.lose("DAQ:Preview_RBV")
    waterfall.sample()
    assert waterfall.count == ROWS + 30


async def test_rows_are_asked_for_by_what_the_page_has(served: Served) -> None:
    for count in range(3):
        served.board.update("DAQ:Preview_RBV", spectrum(count), 0, float(count + 1))
        served.bench.hub.tick()
    answer = await served.ask("/api/amrr/waterfall?since=1")
    told = json.loads(answer.body)
    assert (told["count"], len(told["rows"])) == (3, 2)
    for bad in ("-1", "x", "1.5", "9" * 40, "%D9%A3"):
        assert (await served.ask(f"/api/amrr/waterfall?since={bad}")).code == 400
