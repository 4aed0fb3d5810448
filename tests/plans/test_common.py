"""What all plans share: conditions that are waited for."""

from __future__ import annotations

from typing import Any

from ophyd import Signal

from plans.shared.common import Until


class Lagging(Signal):
    """A signal whose monitor holds an old value: the IOC has another one."""

    now = 1

    def get(self, *, use_monitor: bool | None = None, **_: Any) -> Any:
        """The IOC's value, if it is asked for."""
        return self.now if use_monitor is False else super().get()


def test_a_fresh_condition_does_not_believe_what_the_monitor_holds() -> None:
    """A coil that was cold when somebody looked last, before it quenched."""
    signal = Lagging(name="quenched", value=0)
    signal.put(0)
    assert Until(signal, lambda value: value == 0, 60.0).trigger().done
    status = Until(signal, lambda value: value == 0, 60.0, fresh=True).trigger()
    assert not status.done
    signal.now = 0
    signal.put(0, force=True)
    status.wait(10.0)


def test_a_condition_that_is_paused_ends_well_and_is_waited_for_anew(haloscope: Any) -> None:
    until = Until(haloscope.sim.paused, lambda paused: paused == 1, 60.0)
    before = until.trigger()
    assert not before.done
    until.pause()
    before.wait(10.0)
    assert not haloscope.bench.wanted
    again = until.trigger()
    assert not again.done
    haloscope.bench.put_as_client("Sim:Pause", "Yes")
    again.wait(10.0)
