"""Exported runs hold what the run holds, are whole or not there, and need little memory."""

from __future__ import annotations

import csv
import json
import tracemalloc
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pyarrow.parquet as pq
import pytest
import xarray as xr

from cryohalo.catalog import CatalogError, DocumentWriter, Run
from cryohalo.exporting import FORMS, export_run
from tests.session.runs import event, write_run

POWERS = [np.arange(5.0) * n for n in (1, 2, 3)]
FREQUENCIES = [1100.0 + 0.01 * n for n in (1, 2, 3)]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(write_run(tmp_path / "runs", "aa", sample="Quartz", scan_id=3))


def test_csv_has_the_single_values_with_all_their_digits(run: Run, tmp_path: Path) -> None:
    assert export_run(run, tmp_path / "run.csv", "csv") == 3
    with (tmp_path / "run.csv").open(newline="") as file:
        head, *rows = list(csv.reader(file))
    assert head == ["seq_num", "time", "halo_frequency", "halo_path", "halo_count"]
    assert [float(row[2]) for row in rows] == FREQUENCIES
    assert [row[4] for row in rows] == ["1", "2", "3"]
    assert rows[0][3] == "'=Weak"  # no formula where a spreadsheet opens it


def test_parquet_has_the_arrays_the_units_and_the_start(run: Run, tmp_path: Path) -> None:
    assert export_run(run, tmp_path / "run.parquet", "parquet") == 3
    table = pq.read_table(tmp_path / "run.parquet")
    np.testing.assert_array_equal(np.stack(table["halo_power"].to_pylist()), POWERS)
    assert table["halo_frequency"].to_pylist() == FREQUENCIES
    assert table["halo_path"].to_pylist()[0] == "=Weak"
    assert table.schema.field("halo_power").metadata == {b"units": b"W"}
    assert json.loads(table.schema.metadata[b"start"])["sample"] == "Quartz"


def test_hdf5_follows_nexus_and_has_all_streams(run: Run, tmp_path: Path) -> None:
    assert export_run(run, tmp_path / "run.nxs", "hdf5") == 4
    with h5py.File(tmp_path / "run.nxs") as file:
        assert file.attrs["NX_class"] == "NXroot"
        entry = file[file.attrs["default"]]
        assert entry.attrs["NX_class"] == "NXentry"
        assert entry["entry_identifier"][()].decode() == "aa"
        assert entry["start_time"][()].decode() == "1970-01-01T00:16:40+00:00"
        data = entry[entry.attrs["default"]]
        assert data.attrs["NX_class"] == "NXdata"
        assert data.attrs["signal"] == "halo_power"
        np.testing.assert_array_equal(data[data.attrs["signal"]], POWERS)
        assert data["halo_power"].attrs["units"] == "W"
        np.testing.assert_array_equal(data["halo_frequency"], FREQUENCIES)
        assert data["halo_path"].asstr()[0] == "=Weak"
        np.testing.assert_array_equal(entry["baseline/halo_field"], [12.0])
        start = json.loads(entry["start_document/data"][()])
        assert (start["sample"], start["scan_id"]) == ("Quartz", 3)
        assert json.loads(entry["stop_document/data"][()])["exit_status"] == "success"


def test_netcdf_is_what_xarray_has(run: Run, tmp_path: Path) -> None:
    assert export_run(run, tmp_path / "run.nc", "netcdf") == 3
    with xr.open_dataset(tmp_path / "run.nc", engine="h5netcdf", decode_times=False) as data:
        np.testing.assert_array_equal(data["halo_power"].values, POWERS)
        assert data["halo_power"].attrs["units"] == "W"
        assert json.loads(data.attrs["start"])["sample"] == "Quartz"


def test_another_stream_can_be_named(run: Run, tmp_path: Path) -> None:
    assert export_run(run, tmp_path / "base.csv", "csv", stream="baseline") == 1
    for form in ("csv", "parquet", "netcdf"):
        with pytest.raises(CatalogError, match="has no stream none; it has primary, baseline"):
            export_run(run, tmp_path / "none", form, stream="none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("form", sorted(set(FORMS.values())))
def test_a_run_that_was_cut_off_or_has_no_events_is_exported(tmp_path: Path, form: str) -> None:
    cut = Run(write_run(tmp_path / "runs", "bb", stop=False))
    assert export_run(cut, tmp_path / "cut", form) >= 3
    empty = Run(write_run(tmp_path / "runs", "cc", events=0))
    assert export_run(empty, tmp_path / "empty", form) <= 1


@pytest.mark.parametrize("form", sorted(set(FORMS.values()) - {"csv"}))
def test_what_cannot_be_exported_leaves_no_file(tmp_path: Path, form: str) -> None:
    """An array of another length: no table; and what was there before stays."""
    path = write_run(tmp_path / "runs", "aa", stop=False)
    writer = DocumentWriter(tmp_path / "more")
    for name, document in Run(path).documents():
        writer(name, document)
    odd: dict[str, Any] = event("aad", 4, 5, 1.0)
    odd["data"]["halo_power"] = np.zeros((2, 2)) if form == "parquet" else np.zeros(9)
    writer("event", odd)
    writer.close()
    output = tmp_path / "out" / "run"
    output.parent.mkdir()
    output.write_text("before")
    with pytest.raises(CatalogError):
        export_run(Run(tmp_path / "more" / "aa.msgpack"), output, form, replace=True)
    assert output.read_text() == "before"
    assert [one.name for one in output.parent.iterdir()] == ["run"]


def test_a_file_that_is_there_stays(run: Run, tmp_path: Path) -> None:
    (tmp_path / "run.csv").write_text("mine")
    with pytest.raises(FileExistsError, match="is there already"):
        export_run(run, tmp_path / "run.csv", "csv")
    assert (tmp_path / "run.csv").read_text() == "mine"
    assert export_run(run, tmp_path / "run.csv", "csv", replace=True) == 3


def test_names_that_hdf5_would_take_for_paths_are_names(tmp_path: Path) -> None:
    writer = DocumentWriter(tmp_path)
    writer("start", {"uid": "aa", "time": 1.0})
    of = {"run_start": "aa", "time": 1.0, "name": "../up"}
    writer("descriptor", {"uid": "d", "data_keys": {}, **of})
    data = {"/entry/title": 1.0, "..": 2.0}
    writer("event", {"uid": "e", "descriptor": "d", "seq_num": 1, "data": data})
    writer.close()
    assert export_run(Run(tmp_path / "aa.msgpack"), tmp_path / "run.h5", "hdf5") == 1
    with h5py.File(tmp_path / "run.h5") as file:
        assert file["entry/title"][()] == b""
        assert set(file["entry/_up"]) == {"_entry_title", "_", "seq_num"}


def test_names_that_hdf5_has_already_get_a_number(tmp_path: Path) -> None:
    writer = DocumentWriter(tmp_path)
    writer("start", {"uid": "aa", "time": 1.0, "plan_name": "a\0plan"})
    of = {"run_start": "aa", "time": 1.0, "data_keys": {}}
    writer("descriptor", {"uid": "d", "name": "title", **of})
    data = {"a/b": 1.0, "a_b": 2.0, "zero\0": np.arange(3.0)}
    writer("event", {"uid": "e", "descriptor": "d", "seq_num": 1, "data": data})
    writer.close()
    assert (
        export_run(Run(tmp_path / "aa.msgpack"), tmp_path / "run.h5", "hdf5", stream="title") == 1
    )
    with h5py.File(tmp_path / "run.h5") as file:
        entry = file["entry"]
        assert entry["title"][()] == rb"a\x00plan"
        stream = entry[entry.attrs["default"]]
        assert entry.attrs["default"] == "title_2"
        assert [stream[name][0] for name in ("a_b", "a_b_2")] == [1.0, 2.0]
        assert list(stream[stream.attrs["signal"]][0]) == [0.0, 1.0, 2.0]


@pytest.mark.parametrize("form", ["csv", "hdf5"])
def test_a_large_run_needs_little_memory(tmp_path: Path, form: str) -> None:
    path = write_run(tmp_path / "runs", "aa", events=60, size=100_000)
    assert path.stat().st_size > 48_000_000
    tracemalloc.start()
    export_run(Run(path), tmp_path / "run", form)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 8_000_000
