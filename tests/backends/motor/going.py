"""Motions with SPMG Go and Move, from rest."""

from __future__ import annotations

from tests.backends.motor.common import DRIVES, HOMES, JOGS, MOVE, PAUSE, Case, at
from tests.backends.motor.language import REST, P, Pass, put, sees


def going() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for name, (value, to) in DRIVES.items():
        half = P(to / 2)
        cases[f"Go: {name}"] = (
            put(**{name: value}),
            sees(VAL=P(to), DVAL=P(to), RBV=P(0), DMOV=0, MOVN=1, TDIR=int(to > 0), waits=name),
            Pass(abs(to) / 2),
            sees(VAL=P(to), RBV=half, DMOV=0, MOVN=1, waits=name),
            REST,
            sees(**at(to), done=name),
        )
        cases[f"Move: {name}"] = (
            put(SPMG=MOVE),
            *cases[f"Go: {name}"],
            sees(SPMG=PAUSE),
            put(VAL=P(4)),
            REST,
            sees(VAL=P(4), RBV=P(to), DMOV=0, waits="VAL"),
            put(SPMG=MOVE),
            REST,
            sees(**at(4, SPMG=PAUSE), done="VAL"),
        )
    for name, end in JOGS.items():
        side = 1 if name == "JOGF" else -1
        cases[f"Go: {name} and release"] = (
            put(**{name: 1}),
            Pass(2),
            sees(**{name: 1}, VAL=P(0), RBV=P(2 * side), DMOV=0, MOVN=1, waits=name),
            put(**{name: 0}),
            REST,
            sees(**at(2 * side, **{name: 0}), done=name),
        )
        cases[f"Go: {name} to the limit"] = (
            put(**{name: 1}),
            REST,
            sees(**{name: 0}, VAL=end, RBV=end, DMOV=1, MOVN=0, LVIO=1, done=name),
            put(VAL=P(0)),
            REST,
            sees(**at(0)),
        )
        cases[f"Move: {name} leaves SPMG"] = (
            put(SPMG=MOVE, **{name: 1}),
            REST,
            sees(SPMG=MOVE, VAL=end, RBV=end, DMOV=1, done=name),
        )
    for name in HOMES:
        cases[f"Go: {name}"] = (
            put(**{name: 1}),
            sees(**{name: 1}, VAL=P(0), DMOV=0, MOVN=1, TDIR=0, ATHM=0, waits=name),
            Pass(5),
            sees(**{name: 1}, VAL=P(0), RBV=P(-5), DMOV=0, waits=name),
            REST,
            sees(**at(-10, **{name: 0}, ATHM=1, LLS=1, RLLS=1), done=name),
        )
        cases[f"Move: {name} leaves SPMG"] = (
            put(SPMG=MOVE, **{name: 1}),
            REST,
            sees(**at(-10, SPMG=MOVE), done=name),
        )
    return cases
