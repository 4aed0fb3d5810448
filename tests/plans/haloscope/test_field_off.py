"""Spectra at candidates without field: ramped when confirmed, kept apart, resumed, used."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from bluesky import RunEngine
from bluesky.utils import MsgGenerator
from ophyd.utils.errors import LimitError

from devices.simulated.haloscope import Haloscope
from haloscope.analysis.exchange.documents import spectra_from_documents
from haloscope.analysis.online import Online
from haloscope.axion import AxionLine
from haloscope.parameters import HaloscopeParameters
from plans.haloscope.campaign import campaign
from plans.haloscope.fieldoff import NotConfirmedError, field_off
from plans.haloscope.resuming import resumed
from plans.haloscope.scan import scan
from plans.haloscope.steps import completed, planned
from plans.shared.rehearsal import rehearse
from tests.plans.conftest import Documents
from tests.plans.haloscope.table import Y_FACTOR

FULL_T = 12.0
TARGETS = [1100.0, 1100.01, 1100.02]


def of_candidate(haloscope: Any, **more: Any) -> MsgGenerator[Any]:
    return field_off(haloscope, [1100.01], half_width_khz=10.0, averages=100, **more)


def field_of(haloscope: Any) -> float:
    return float(haloscope.magnet.field.readback.get())


def test_a_ramp_of_hours_is_to_be_confirmed(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    before = haloscope.bench.machine.time_s
    told = (
        r"the magnet is at 12\.000 T and would be ramped to 0 T, about 1\.7 h each way at 0\.05 A"
    )
    with pytest.raises(NotConfirmedError, match=told):
        RE(of_candidate(haloscope))
    assert haloscope.bench.machine.time_s == before
    assert not documents
    RE(of_candidate(haloscope, field_t=11.99))  # it is there already: nothing to confirm
    assert [start["plan_name"] for start in documents.of("start")] == ["field_off"]


def test_it_ramps_takes_the_spectra_and_ramps_back(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    before_s = haloscope.bench.machine.time_s
    taken = RE(of_candidate(haloscope, confirmed=True, of=["abcd"], md={"operator": "x"}))
    assert taken.plan_result == TARGETS
    assert field_of(haloscope) == pytest.approx(FULL_T, abs=0.005)
    starts = documents.of("start")
    assert [s["plan_name"] for s in starts] == ["cool_and_ramp", "field_off", "cool_and_ramp"]
    for start in starts:
        assert start["purpose"] == "field off"
        assert start["candidates_mhz"] == [1100.01]
        assert start["field_off_of"] == ["abcd"]
        assert start["operator"] == "x"
    spectra = [e for e in documents.events() if "haloscope_daq_spectrum" in e]
    assert len(spectra) == 3
    assert all(abs(event["haloscope_magnet_field"]) < 0.01 for event in spectra)
    assert completed(documents, "field_off") == TARGETS
    assert completed(documents, "scan") == []
    assert haloscope.bench.machine.time_s - before_s > 2 * 5900  # the ramps of 100 minutes each


def test_its_spectra_are_no_part_of_the_search(
    RE: RunEngine, haloscope: Any, documents: Documents
) -> None:
    online = Online()
    RE.subscribe(online)
    RE(scan(haloscope, TARGETS, averages=100, calibration=Y_FACTOR))
    RE(of_candidate(haloscope, confirmed=True, ramp_back=False, calibration=Y_FACTOR))
    assert field_of(haloscope) == pytest.approx(0.0, abs=0.005)
    search, off = (spectra_from_documents(documents, field_off=which) for which in (False, True))
    assert len(search) == len(off) == 3
    assert search.magnet_field_t.min() > 11.9
    assert off.magnet_field_t.max() < 0.01
    assert online.field_t == pytest.approx(FULL_T, abs=0.01)
    assert online.field_off is not None
    assert online.field_off.labels == off.labels


@pytest.mark.parametrize("after", [1, 2, 4, 5])
def test_cut_anywhere_it_goes_on_where_it_was(
    RE: RunEngine, haloscope: Any, documents: Documents, after: int
) -> None:
    """Cut in the ramp down, after it, between two steps, and before the ramp back."""
    with pytest.raises(RuntimeError, match="power"):
        RE(_cut(of_candidate(haloscope, confirmed=True), after))
    left_t = field_of(haloscope)
    assert left_t == pytest.approx(FULL_T if after == 1 else 0.0, abs=0.005)
    done = completed(documents, "field_off")
    rest = RE(of_candidate(haloscope, confirmed=True, done_mhz=done, back_t=FULL_T)).plan_result
    assert done + rest == TARGETS
    assert field_of(haloscope) == pytest.approx(FULL_T, abs=0.005)
    fields = [e["haloscope_magnet_field"] for e in documents.events() if "haloscope_rod" in e]
    assert max(fields) < 0.01


def _cut(plan: MsgGenerator[Any], after: int) -> MsgGenerator[Any]:
    """Throw an error into a plan after so many events."""
    answer, left = None, after
    while True:
        message = plan.send(answer) if left else plan.throw(RuntimeError("power"))
        left -= message.command == "save"
        answer = yield message


def test_nonsense_is_refused_before_anything_moves(haloscope: Any) -> None:
    def refused(error: type[Exception], words: str, **more: Any) -> None:
        with pytest.raises(error, match=words):
            rehearse(of_candidate(haloscope, confirmed=True, **more), haloscope)

    refused(LimitError, "field", back_t=15.0)
    refused(ValueError, "field_t", field_t=-1.0)
    refused(ValueError, "field_t = 15 T is outside 0 to 12 T", field_t=15.0)
    refused(ValueError, r"back_t 1\.0 T is not above 2\.0 T", field_t=2.0, back_t=1.0)
    with pytest.raises(ValueError, match="no candidates to take again"):
        rehearse(field_off(haloscope, [], confirmed=True), haloscope)
    estimate = rehearse(of_candidate(haloscope, confirmed=True), haloscope)
    assert estimate.duration_s > 5900


def test_a_campaign_takes_what_it_confirms_without_the_field(
    RE: RunEngine, documents: Documents
) -> None:
    quiet = HaloscopeParameters.capp12tb()
    quiet = replace(quiet, receiver=replace(quiet.receiver, interference_per_hour=0.0))
    hidden = AxionLine(frequency_hz=1100.05e6, coupling_per_gev=1.3e-15)
    device = Haloscope(name="haloscope", seed=4, parameters=quiet, lines=[hidden])
    targets = planned(start_mhz=1100.0, stop_mhz=1100.1)
    more: dict[str, Any] = {"calibration": Y_FACTOR, "field_off": True}
    end = RE(campaign(device, "hidden", targets, **more)).plan_result
    (found,) = (f for f in end.survivors_mhz if abs(f - 1100.05) < 0.003)
    said = next(v for v in end.verdicts if v.candidate.frequency_hz * 1e-6 == found)
    assert said.vetting is not None
    (field,) = [test for test in said.vetting.tests if test.name == "field"]
    assert field.p > said.vetting.level
    assert "too weak to tell" not in field.words
    assert said.words.startswith("confirmed: ")
    (own,) = [v for v in end.result.vetoes if abs(v.frequency_hz * 1e-6 - found) < 0.003]
    assert "field" in [test.name for test in own.tests]
    assert field_of(device) == pytest.approx(FULL_T, abs=0.005)
    names = [start["plan_name"] for start in documents.of("start")]
    assert names[-3:] == ["cool_and_ramp", "field_off", "cool_and_ramp"]
    assert {start["campaign"] for start in documents.of("start")} == {"hidden"}
    assert end.result.spectra == 11 + len(completed(documents, "rescan"))
    earlier = resumed("hidden", documents)
    assert earlier.without_field_mhz == completed(documents, "field_off")
    # Cut with the field off, the campaign goes back to the field before it measures anything.
    device.magnet.field.set(0.0).wait()
    unsaid = {**more, "field_off": False, "documents": list(documents)}
    with pytest.raises(
        RuntimeError, match=r"at 0\.000 T, the campaign's spectra were .* 1[12]\.\d+ T"
    ):
        RE(campaign(device, "hidden", [*targets, 1100.11], **unsaid))
    assert len(documents.of("start")) == len(names)
    RE(campaign(device, "hidden", [*targets, 1100.11], documents=list(documents), **more))
    assert field_of(device) == pytest.approx(FULL_T, abs=0.005)
    last = [e for e in documents.events() if "haloscope_rod" in e][-1]
    assert last["haloscope_magnet_field"] > 11.9
    device.bench.close()
