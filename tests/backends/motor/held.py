"""SPMG Stop and Pause: what is put meanwhile, and what becomes of it at Go and Move."""

from __future__ import annotations

from tests.backends.motor.common import (
    DRIVES,
    GO,
    HELD,
    HOMES,
    JOGS,
    MOVE,
    PAUSE,
    Case,
    at,
    at_middle,
)
from tests.backends.motor.language import REST, D, P, Pass, put, sees


def held() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for mode in HELD:
        for name, (value, to) in DRIVES.items():
            kept = (
                put(SPMG=mode, **{name: value}),
                REST,
                sees(DVAL=P(to), RBV=P(0), MOVN=0, DMOV=0, SPMG=mode, waits=name),
            )
            cases[f"{mode}: {name}, then Go"] = (
                *kept,
                put(SPMG=GO),
                sees(VAL=P(to), DMOV=0, MOVN=1, waits=name, done="SPMG"),
                REST,
                sees(**at(to, SPMG=GO), done=name),
            )
            cases[f"{mode}: {name}, then Move"] = (
                *kept,
                put(SPMG=MOVE),
                REST,
                sees(**at(to, SPMG=PAUSE), done=name),
            )
        for name, end in JOGS.items():
            pressed = (
                put(SPMG=mode, **{name: 1}),
                REST,
                sees(**at(0, **{name: 1}), done=name),
            )
            cases[f"{mode}: {name}, then Go"] = (
                *pressed,
                put(SPMG=GO),
                sees(**{name: 1}, VAL=P(0), DMOV=0, MOVN=1),
                REST,
                sees(**{name: 0}, VAL=end, RBV=end, DMOV=1, LVIO=1),
            )
            cases[f"{mode}: {name} released, then Go"] = (
                *pressed,
                put(**{name: 0}, SPMG=GO),
                REST,
                sees(**at(0, **{name: 0})),
            )
            cases[f"{mode}: {name}, then Move, then Go"] = (
                *pressed,
                put(SPMG=MOVE),
                REST,
                sees(**at(0, **{name: 1})),
                put(SPMG=GO),
                REST,
                sees(VAL=end, RBV=end),
            )
        for name in HOMES:
            wanted = (
                put(SPMG=mode, **{name: 1}),
                REST,
                sees(**at_middle, **{name: 1}, DMOV=0, waits=name),
            )
            cases[f"{mode}: {name}, then Go"] = (
                *wanted,
                put(SPMG=GO),
                sees(**{name: 1}, VAL=P(0), MOVN=1, DMOV=0, waits=name),
                REST,
                sees(**at(-10, **{name: 0}), done=name),
            )
            cases[f"{mode}: {name} and VAL, then Go: home first"] = (
                *wanted,
                put(VAL=P(3)),
                sees(VAL=P(3), **{name: 1}, DMOV=0, waits=name),
                put(SPMG=GO),
                Pass(5),
                sees(**{name: 1}, VAL=P(3), RBV=P(-5), DMOV=0, waits=f"{name} VAL"),
                REST,
                sees(**at(3, **{name: 0}), done=f"{name} VAL"),
            )
    cases["Pause: VAL twice, the last counts"] = (
        put(SPMG=PAUSE, VAL=P(2)),
        put(VAL=P(4)),
        put(SPMG=GO),
        REST,
        sees(**at(4), done="VAL"),
    )
    cases["Pause: RLV twice adds up"] = (
        put(SPMG=PAUSE, RLV=D(2)),
        put(RLV=D(2)),
        put(SPMG=GO),
        REST,
        sees(**at(4), done="RLV"),
    )
    cases["Pause: VAL of where it stands"] = (
        put(SPMG=PAUSE, VAL=P(0)),
        sees(DMOV=0, waits="VAL"),
        put(SPMG=GO),
        REST,
        sees(**at(0), done="VAL"),
    )
    cases["Pause: the limit is moved inside the waiting target"] = (
        put(SPMG=PAUSE, VAL=P(8), HLM=P(6)),
        sees(VAL=P(8), waits="VAL"),
        put(SPMG=GO),
        REST,
        sees(**at(0, LVIO=1, SPMG=GO), done="VAL"),
    )
    return cases
