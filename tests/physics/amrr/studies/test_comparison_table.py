"""The table of published refrigerators: every number has its source, blanks stay blank."""

import csv
from pathlib import Path

TABLE = Path(__file__).parents[4] / "examples" / "refrigerator" / "refrigerators.csv"
NUMBERS = {"temperature_k": (0.01, 5.0), "power_w": (0.0, 0.1), "sink_k": (0.5, 10.0)}


def test_every_row_has_a_source_and_numbers_with_sense() -> None:
    with TABLE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["name"] for row in rows}) == len(rows) >= 8
    for row in rows:
        assert None not in row, row["name"]
        assert row["source"], row["name"]
        assert row["kind"], row["name"]
        assert row["status"], row["name"]
        for name, (low, high) in NUMBERS.items():
            if row[name]:
                assert low <= float(row[name]) <= high, (row["name"], name)
