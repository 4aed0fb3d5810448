"""HDF5 files of somebody else: what is not plain data of that file is refused by name."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from haloscope.analysis.exchange import files, quax
from haloscope.analysis.exchange.interchange import read_spectra, write_spectra
from tests.physics.analysis.generator import make, scan_targets


@pytest.fixture
def spectra_file(tmp_path: Path) -> Path:
    """Three short spectra."""
    found = make(scan_targets(3), seed=1)
    path = tmp_path / "s.h5"
    write_spectra(path, replace(found, power_w=found.power_w[:, :200], labels=("a", "b", "c")))
    return path


def instead(file: h5py.File, name: str, **made: object) -> None:
    """A dataset made in another way."""
    del file[name]
    file.create_dataset(name, **made)


def external_link(file: h5py.File) -> None:
    del file["beta"]
    file["beta"] = h5py.ExternalLink("/etc/hostname", "/beta")


def soft_link(file: h5py.File) -> None:
    del file["beta"]
    file["beta"] = h5py.SoftLink("/loaded_q")


def link_to_itself(file: h5py.File) -> None:
    del file["beta"]
    file["beta"] = h5py.SoftLink("/beta")


def external_storage(file: h5py.File) -> None:
    instead(file, "beta", shape=(3,), dtype="f8", external=[("/etc/hostname", 0, 24)])


def virtual(file: h5py.File) -> None:
    layout = h5py.VirtualLayout((3,), "f8")
    layout[:] = h5py.VirtualSource("/etc/hostname", "x", (3,))
    del file["beta"]
    file.create_virtual_dataset("beta", layout)


def plug_in(file: h5py.File) -> None:
    instead(file, "beta", shape=(3,), dtype="f8", chunks=(3,), compression=32004,
            allow_unknown_filter=True)  # fmt: skip
    file["beta"].id.write_direct_chunk((0,), bytes(24))


def objects(file: h5py.File) -> None:
    instead(file, "beta", data=np.array([file["loaded_q"].ref] * 3, dtype=h5py.ref_dtype))


def ragged(file: h5py.File) -> None:
    instead(file, "beta", shape=(3,), dtype=h5py.vlen_dtype("f8"))


def compound(file: h5py.File) -> None:
    instead(file, "beta", data=np.zeros(3, "i4,f4"))


def texts(file: h5py.File) -> None:
    instead(file, "beta", data=["a", "b", "c"])


def huge(file: h5py.File) -> None:
    instead(file, "power_w", shape=(10**6, 10**6), dtype="f8", chunks=(1, 1000))


def nothing_behind(file: h5py.File) -> None:
    instead(file, "power_w", shape=(3, 100_000), dtype="f8", chunks=(1, 1000))


def huge_chunks(file: h5py.File) -> None:
    instead(file, "beta", shape=(3,), maxshape=(None,), dtype="f8", chunks=(10**8,))


def scalar(file: h5py.File) -> None:
    instead(file, "power_w", data=5.0)


def empty(file: h5py.File) -> None:
    instead(file, "beta", data=h5py.Empty("f8"))


def group_for_dataset(file: h5py.File) -> None:
    del file["beta"]
    file.create_group("beta")


def dataset_for_group(file: h5py.File) -> None:
    if "errors" in file:
        del file["errors"]
    file["errors"] = [1.0, 2.0]


def group_of_groups(file: h5py.File) -> None:
    file.create_group("errors/beta_error/more")


def attribute_of_texts(file: h5py.File) -> None:
    file.attrs["step_hz"] = "ten"


def attribute_huge(file: h5py.File) -> None:
    file.attrs.create("step_hz", np.zeros(20_000, "i1"))


def attribute_of_objects(file: h5py.File) -> None:
    file.attrs.create("step_hz", file["beta"].ref, dtype=h5py.ref_dtype)


def attribute_compound(file: h5py.File) -> None:
    file.attrs["step_hz"] = np.zeros((), "i4,f4")


def labels_of_numbers(file: h5py.File) -> None:
    instead(file, "labels", data=[1, 2, 3])


def labels_of_bytes(file: h5py.File) -> None:
    instead(file, "labels", data=np.array([b"\xff\xfe"] * 3))


def attribute_empty(file: h5py.File) -> None:
    file.attrs["step_hz"] = h5py.Empty("f8")


def attribute_of_bytes(file: h5py.File) -> None:
    file.attrs["format"] = np.bytes_(b"\xff")


def names_of_bytes(file: h5py.File) -> None:
    file["calibration"].attrs["assumed"] = np.array([b"beta", b"\xff"])


def no_bins(file: h5py.File) -> None:
    instead(file, "power_w", data=np.zeros((3, 0)))


def mask_of_weights(file: h5py.File) -> None:
    file["masked"] = np.full((3, 200), 0.5)


def rows_of_two(file: h5py.File) -> None:
    instead(file, "beta", data=np.ones((3, 2)))


SPOILT: dict[Callable[[h5py.File], None], str] = {
    external_link: "beta is a link: it is not followed",
    soft_link: "beta is a link: it is not followed",
    link_to_itself: "beta is a link: it is not followed",
    external_storage: "beta lies in other files",
    virtual: "beta lies in other files",
    plug_in: "beta is packed by filter 32004, a plug-in",
    objects: "beta is of dtype object, needed numbers",
    ragged: "beta is of dtype object, needed numbers",
    compound: "beta is of dtype .*, needed numbers",
    texts: "beta is of dtype object, needed numbers",
    huge: r"power_w has shape \(1000000, 1000000\): 8000000000000 bytes",
    nothing_behind: r"power_w has shape \(3, 100000\), of which 0 bytes are there",
    huge_chunks: r"beta is in chunks of \(100000000,\)",
    scalar: "power_w has shape",
    empty: "beta is empty",
    group_for_dataset: "beta is no dataset",
    dataset_for_group: "errors is no group",
    group_of_groups: "errors/beta_error is no dataset",
    attribute_of_texts: "attribute step_hz is 'ten', not a number",
    attribute_huge: "attribute step_hz has shape",
    attribute_of_objects: "attribute step_hz has shape",
    attribute_compound: "attribute step_hz has shape",
    labels_of_numbers: "labels has shape",
    labels_of_bytes: "labels is no text in UTF-8",
    attribute_empty: "attribute step_hz is empty",
    attribute_of_bytes: "attribute format is no text in UTF-8",
    names_of_bytes: "attribute assumed is no text in UTF-8",
    no_bins: r"power_w has shape \(3, 0\), needed \(n, bins\)",
    mask_of_weights: "masked holds other values than 0 and 1",
    rows_of_two: "beta has shape",
}


@pytest.mark.parametrize("spoil", SPOILT, ids=lambda spoil: spoil.__name__)
def test_what_is_no_plain_data_of_the_file_is_refused_by_name(
    spectra_file: Path, spoil: Callable[[h5py.File], None]
) -> None:
    with h5py.File(spectra_file, "r+") as file:
        spoil(file)
    with pytest.raises(ValueError, match=SPOILT[spoil]) as told:
        read_spectra(spectra_file)
    assert str(spectra_file) in str(told.value)


def test_built_in_filters_are_read(spectra_file: Path) -> None:
    before = read_spectra(spectra_file).power_w
    for packed in ({"compression": "lzf"}, {"compression": 9, "fletcher32": True}, {}):
        with h5py.File(spectra_file, "r+") as file:
            instead(file, "power_w", data=before, **packed)
        np.testing.assert_array_equal(read_spectra(spectra_file).power_w, before)


def test_what_is_no_file_of_hdf5_is_refused(tmp_path: Path, spectra_file: Path) -> None:
    (tmp_path / "text.h5").write_text("no such format")
    (tmp_path / "empty.h5").write_bytes(b"")
    (tmp_path / "cut.h5").write_bytes(spectra_file.read_bytes()[:3000])
    for name in ("text.h5", "empty.h5", "cut.h5"):
        for read in (read_spectra, files.load):
            with pytest.raises(ValueError, match=rf"{name}: not an HDF5 file"):
                read(tmp_path / name)
    os.mkfifo(tmp_path / "fifo.h5")
    with pytest.raises(OSError, match="it is a FIFO, not a file"):
        read_spectra(tmp_path / "fifo.h5")
    with pytest.raises(FileNotFoundError):
        read_spectra(tmp_path / "none.h5")


def damaged(whole: bytes, seed: int) -> bytes:
    dice, data = random.Random(seed), bytearray(whole)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        data[dice.randrange(len(data))] = dice.choice((0, 255, dice.randrange(256)))
    return bytes(data)


def test_damaged_copies_are_read_or_refused(spectra_file: Path) -> None:
    whole, refused = spectra_file.read_bytes(), 0
    for seed in range(40):
        spectra_file.write_bytes(damaged(whole, seed))
        try:
            read_spectra(spectra_file)
        except ValueError:
            refused += 1
    assert refused > 10


@pytest.mark.parametrize("end", ["while True: pass", "import os; os.abort()"])
def test_a_library_that_hangs_or_crashes_is_a_damaged_file(
    spectra_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    """What HDF5 does in one of a hundred damaged files, done to it on purpose."""
    (tmp_path / "sitecustomize.py").write_text(
        "import h5py, os, sys\n"
        "from haloscope.analysis.exchange import hdf5_child as child\n"
        "child._SECONDS = 1\n"
        f"def numbers(self, name):\n    {end}\n"
        "child.FileReader.numbers = numbers\n"
        "if '-m' in sys.orig_argv:\n"
        "    child.serve(sys.orig_argv[-1], sys.stdin.buffer, sys.stdout.buffer)\n"
        "    os._exit(0)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with pytest.raises(ValueError, match=r"s\.h5: damaged: HDF5 comes to no end"):
        read_spectra(spectra_file)


def test_a_result_file_that_is_damaged_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "r.h5"
    with h5py.File(path, "w") as file:
        file.attrs["format"] = "cryohalo-result"
    with pytest.raises(ValueError, match=r"r\.h5: grand/frequency_hz is no dataset"):
        files.load(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("runs.csv", "run,QL\n1,2\n", "not a list of runs: KeyError"),
        (
            "runs.csv",
            "run,cavity_frequency_Hz,QL,beta\n1,x,2,3\n",
            "not a list of runs: ValueError",
        ),
        ("runs.csv", "run,cavity_frequency_Hz,QL,beta\n1\n", "not a list of runs: TypeError"),
        ("run_1.csv", "f,p\n1,a\n", "not a table of numbers"),
        ("run_1.csv", "f,p\n1\n2\n", r"a table of shape \(2, 1\)"),
    ],
)
def test_files_of_another_experiment_that_are_none_are_refused(
    tmp_path: Path, name: str, content: str, message: str
) -> None:
    (tmp_path / "runs.csv").write_text("run,cavity_frequency_Hz,QL,beta\n1,1e10,1e5,1\n")
    (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=message):
        quax.read(tmp_path)
