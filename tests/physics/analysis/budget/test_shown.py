"""The budget stands in every output, each error with where it comes from."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from haloscope.analysis.apparatus import apparatus_of, capp12tb, recorded, same_apparatus
from haloscope.analysis.budget.table import budget_lines, budget_rows
from haloscope.analysis.budget.terms import TERMS
from haloscope.analysis.exchange import files
from haloscope.analysis.pipeline import Result
from haloscope.analysis.report.budget_figure import budget_figure
from haloscope.analysis.report.page import write_report
from haloscope.description import Description


def test_the_table_has_every_term_and_its_sums(noise_result: Result) -> None:
    rows = {row.name: row for row in budget_rows(noise_result.budget)}
    assert set(rows) == {*TERMS, "common", "own", "total"}
    assert rows["total"].power == pytest.approx(np.median(noise_result.budget.total))
    assert rows["form_factor"].coupling == pytest.approx(0.015)
    assert rows["form_factor"].origin == "assumed"
    assert rows["receiver_gain"].origin == "measured"
    assert (rows["loaded_q"].kind, rows["field"].kind) == ("each its own", "common")
    text = "\n".join(budget_lines(noise_result.budget))
    assert all(term.words in text for term in TERMS.values())


def test_files_carry_it(noise_result: Result, tmp_path: Path) -> None:
    files.save(tmp_path / "r.h5", noise_result)
    _, bound, more = files.load(tmp_path / "r.h5")
    assert np.array_equal(bound.coupling_per_gev, noise_result.limit.coupling_per_gev)
    assert [row["name"] for row in more["budget"]][-1] == "total"
    with h5py.File(tmp_path / "r.h5") as file:
        assert np.array_equal(file["budget/taken_off"], noise_result.systematic)
        assert file["budget/form_factor"].attrs["origin"] == "assumed"
        assert file["budget/loaded_q"].shape == noise_result.frequency_hz.shape
    files.save_candidates(tmp_path / "c.json", noise_result)
    assert len(json.loads((tmp_path / "c.json").read_text("utf-8"))["budget"]) == len(TERMS) + 3
    files.save_limit(tmp_path / "limit.txt", noise_result, "title")
    head = [
        line for line in (tmp_path / "limit.txt").read_text("utf-8").splitlines() if "#" in line
    ]
    assert sum("form factor" in line for line in head) == 1
    assert "taken off the expected power: the total" in "\n".join(head)
    assert "form_factor" in files.summary(noise_result)["errors_assumed"]


def test_the_report_and_its_figure_show_it(noise_result: Result, tmp_path: Path) -> None:
    text = write_report(tmp_path / "r.html", noise_result).read_text("utf-8")
    assert "Error budget" in text
    assert all(term.words in text for term in TERMS.values())
    figure = budget_figure(noise_result)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert "form factor (assumed)" in labels
    assert len(labels) == len(TERMS)


# -- what owners state of their apparatus --------------------------------------------------------


def test_a_scan_states_the_errors_of_what_no_scan_measures() -> None:
    stated = apparatus_of({"apparatus": recorded(capp12tb())})
    assert stated.errors == {"form_factor": 0.02, "field_ratio": 0.003, "noise_source": 0.005,
                             "line_contacts_db": 0.03}  # fmt: skip
    rows = stated.error_rows(np.array([0.6, 0.5]))
    assert rows["form_factor"] == pytest.approx([0.012, 0.01])
    assert rows["field_ratio"] == pytest.approx(np.full(2, 0.003 * 10.31 / 12))


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        ({"form_factr": 0.02}, "none of form_factor"),
        ({"form_factor": -0.02}, "must not be below 0"),
        ({"form_factor": "2 %"}, "not a number"),
        ([0.02], "not values by name"),
    ],
)
def test_stated_errors_that_are_none_are_refused(errors: object, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        apparatus_of({"apparatus": {"errors": errors}})


def test_runs_together_have_the_larger_error_and_only_what_all_state() -> None:
    one = apparatus_of({"apparatus": {"errors": {"form_factor": 0.02, "noise_source": 0.01}}})
    other = apparatus_of({"apparatus": {"errors": {"form_factor": 0.03}}})
    assert same_apparatus([one, other]).errors == {"form_factor": 0.03}


def restated(**groups: dict[str, object]) -> Description:
    """CAPP-12TB's owners state other values, of parameters with another hash."""
    own = capp12tb()
    changed = {name: replace(getattr(own, name), **values) for name, values in groups.items()}
    return replace(own, parameters_hash="f" * 16, **changed)  # type: ignore[arg-type]


def test_owners_who_state_another_step_or_alarm_still_have_one_apparatus() -> None:
    later = restated(operation={"step_hz": 5e3}, safety={"cold_high_k": 0.05})
    both = [apparatus_of({"apparatus": recorded(one)}) for one in (capp12tb(), later)]
    found = same_apparatus(both)
    [told] = found.assumed
    assert all(one.parameters_hash[:8] in told for one in both)
    assert same_apparatus(both[:1] * 2).assumed == ()


@pytest.mark.parametrize(
    ("cavity", "words"),
    [
        ({"form_factor": 0.5}, "the course of the form factor differs"),
        ({"frequency_scale": 1.01}, "the course of the form factor differs"),
        ({"volume_m3": 0.3685}, "volume_m3 is 0.03685 and 0.3685"),
    ],
)
def test_runs_whose_owners_state_another_cavity_are_not_taken_together(
    cavity: dict[str, object], words: str
) -> None:
    """Even under one hash of parameters: a mode map's file may have changed."""
    own = capp12tb()
    other = replace(restated(cavity=cavity), parameters_hash=own.parameters_hash)
    both = [apparatus_of({"apparatus": recorded(one)}) for one in (own, other)]
    with pytest.raises(ValueError, match=f"scans of different apparatus: {words}"):
        same_apparatus(both)
