"""Where a motor differs from the motor record on purpose.

Each case begins with what the record does instead; the reasons are in ``docs/reference/motors.md``.
"""

from __future__ import annotations

from tests.backends.motor.common import GO, HELD, JOGS, MOVE, PAUSE, STOP, Case, at
from tests.backends.motor.language import REST, D, P, Pass, S, Stall, put, sees

MOMENT = Pass(0.01)
"""In process nobody is told of anything while time is held."""


def _held() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for mode in HELD:
        for name, value in (("DVAL", P(2)), ("RVAL", S(2))):
            cases[f"{mode}: {name} shows in VAL at once (record: at Go)"] = (
                put(SPMG=mode, **{name: value}),
                sees(VAL=P(2), DVAL=P(2), RVAL=S(2), DMOV=0),
            )
        for name, value in (("VAL", P(11)), ("DVAL", P(-11)), ("RVAL", S(11)), ("RLV", D(11))):
            cases[f"{mode}: {name} beyond is refused (record: kept, and dropped at Go)"] = (
                put(SPMG=mode, **{name: value}),
                sees(**{**at(0), "LVIO": 1}, refused={name: "is outside"}),
            )
        for name in ("DVAL", "RVAL"):
            cases[f"Set in {mode}: {name} loads at once (record: at Go)"] = (
                put(SET="Set", SPMG=mode, **{name: P(2) if name == "DVAL" else S(2)}),
                sees(VAL=P(0), RBV=P(0), DRBV=P(2), OFF=D(-2), DMOV=1, done=name),
            )
    for stop in ({"STOP": 1}, {"SPMG": STOP}):
        name = next(iter(stop))
        cases[f"Pause: VAL waits, {name} forgets it (record: moved to at Go)"] = (
            put(SPMG=PAUSE, VAL=P(2)),
            put(**stop),
            MOMENT,
            sees(**at(0), done=f"VAL {name}"),
            put(SPMG=GO),
            REST,
            sees(**at(0)),
        )
        cases[f"Pause: HOMF waits, {name} forgets it (record: made at Go)"] = (
            put(SPMG=PAUSE, HOMF=1),
            put(**stop),
            MOMENT,
            sees(**at(0, HOMF=0), done="HOMF"),
            put(SPMG=GO),
            REST,
            sees(**at(0)),
        )
        cases[f"Pause: JOGF waits, {name} releases it (record: made at Go)"] = (
            put(SPMG=PAUSE, JOGF=1),
            put(**stop),
            sees(**at(0, JOGF=0)),
            put(SPMG=GO),
            REST,
            sees(**at(0)),
        )
        cases[f"paused half-way, {name}: VAL is RBV (record: VAL is kept)"] = (
            put(VAL=P(8)),
            Pass(3),
            put(SPMG=PAUSE),
            REST,
            put(**stop),
            MOMENT,
            sees(**at(3), done="VAL"),
            put(SPMG=GO),
            REST,
            sees(**at(3)),
        )
    for resume, after in ((GO, GO), (MOVE, PAUSE)):
        cases[f"paused half-way without retries, {resume} goes on (record: never)"] = (
            put(VAL=P(8)),
            Pass(3),
            put(SPMG=PAUSE),
            REST,
            sees(VAL=P(8), RBV=P(3), DMOV=0, waits="VAL"),
            put(SPMG=resume),
            REST,
            sees(**at(8, SPMG=after), done="VAL"),
        )
    cases["Pause: VAL, then JOGF: the last counts (record: the jog, VAL is lost)"] = (
        put(SPMG=PAUSE, VAL=P(2), JOGF=1),
        MOMENT,
        sees(**at(0, JOGF=1), done="VAL"),
    )
    cases["Pause: JOGF, then VAL: the last counts (record: the jog, VAL is lost)"] = (
        put(SPMG=PAUSE, JOGF=1, VAL=P(2)),
        sees(VAL=P(2), JOGF=0, DMOV=0),
        put(SPMG=GO),
        REST,
        sees(**at(2), done="VAL"),
    )
    cases["VAL waits, SET, Go: it waits for Use (record: lost)"] = (
        put(SPMG=PAUSE, VAL=P(2), SET="Set"),
        put(SPMG=GO),
        REST,
        sees(VAL=P(2), RBV=P(0), OFF=0, DMOV=0, waits="VAL"),
        put(SET="Use"),
        REST,
        sees(**at(2), done="VAL"),
    )
    return cases


def _under_way() -> dict[str, Case]:
    jogging, moving = (put(JOGF=1), Pass(2)), (put(VAL=P(8)), Pass(3))
    cases: dict[str, Case] = {
        "jogging: JOGF again does nothing (record: stops, stays at 1)": (
            *jogging,
            put(JOGF=1),
            sees(JOGF=1, MOVN=1),
            REST,
            sees(RBV=JOGS["JOGF"]),
        ),
        "jogging: JOGR 0 does nothing (record: stops, JOGF stays at 1)": (
            *jogging,
            put(JOGR=0),
            sees(JOGF=1, MOVN=1),
            REST,
            sees(RBV=JOGS["JOGF"]),
        ),
        "jogging: JOGR turns round (record: stops, both stay at 1)": (
            *jogging,
            put(JOGR=1),
            sees(JOGF=0, JOGR=1, MOVN=1, TDIR=0),
            REST,
            sees(VAL=JOGS["JOGR"], RBV=JOGS["JOGR"], JOGR=0, LVIO=1),
        ),
        "jogging: SPMG Move goes on (record: back to where it began)": (
            *jogging,
            put(SPMG=MOVE),
            sees(JOGF=1, MOVN=1),
            REST,
            sees(RBV=JOGS["JOGF"], SPMG=MOVE),
        ),
        "jogging: OFF moves VAL, the jog goes on (record: stops)": (
            *jogging,
            put(OFF=D(1)),
            sees(VAL=P(1), RBV=P(3), JOGF=1, MOVN=1),
        ),
        "jogging: HOMF releases it (record: JOGF stays at 1)": (
            *jogging,
            put(HOMF=1),
            sees(JOGF=0, HOMF=1, MOVN=1),
        ),
        "Set: no position is loaded while it moves (record: is)": (
            *moving,
            put(SET="Set", DVAL=P(0)),
            sees(VAL=P(8), MOVN=1, refused={"DVAL": "it moves"}),
            REST,
            sees(**at(8, OFF=0)),
        ),
        "moving: SYNC is refused (record: done at the end)": (
            *moving,
            put(SYNC=1),
            sees(VAL=P(8), MOVN=1, refused={"SYNC": "it moves"}),
            REST,
            sees(**at(8), done="VAL"),
        ),
        "homing: a jog is refused (record: ignored, stays at 1)": (
            put(HOMR=1),
            Pass(5),
            put(JOGF=1),
            sees(JOGF=0, HOMR=1, MOVN=1, refused={"JOGF": "it is homing"}),
            REST,
            sees(**at(-10)),
        ),
    }
    for name, value in (("VAL", P(4)), ("DVAL", P(4)), ("RVAL", S(4))):
        cases[f"jogging: {name} ends it and is moved to (record: lost, JOGF stays at 1)"] = (
            *jogging,
            put(**{name: value}),
            sees(VAL=P(4), JOGF=0, MOVN=1, waits=f"JOGF {name}"),
            REST,
            sees(**at(4), done=f"JOGF {name}"),
        )
    for name, end in JOGS.items():
        cases[f"moving: {name} begins at once (record: ignored, stays at 1)"] = (
            *moving,
            put(**{name: 1}),
            sees(**{name: 1}, DMOV=0, MOVN=1, TDIR=int(name == "JOGF"), waits=f"VAL {name}"),
            REST,
            sees(VAL=end, RBV=end, LVIO=1, **{name: 0}, done=f"VAL {name}"),
        )
    return cases


def _limits() -> dict[str, Case]:
    beyond = {"HLM": P(11), "LLM": P(-11), "DHLM": P(11), "DLLM": P(-11)}
    cases: dict[str, Case] = {
        f"{name} outside the travel is refused (record: as the controller has it)": (
            put(**{name: value}),
            sees(HLM=P(10), LLM=P(-10), LVIO=0, refused={name: "is outside"}),
        )
        for name, value in beyond.items()
    }
    cases |= {
        "a limit put inside sets LVIO at once, put back ends it (record: at the next move)": (
            put(HLM=P(-2)),
            sees(LVIO=1, VAL=P(0)),
            put(HLM=P(10)),
            sees(LVIO=0),
        ),
        "Pause, a limit put inside what waits sets LVIO at once (record: at Go)": (
            put(SPMG=PAUSE, VAL=P(8), HLM=P(6)),
            sees(VAL=P(8), LVIO=1, waits="VAL"),
        ),
        "at the low switch: HOMR searches (record: ignored, stays at 1)": (
            put(VAL=P(-10)),
            REST,
            put(HOMR=1),
            sees(HOMR=1, DMOV=0),
            REST,
            sees(**at(-10, HOMR=0), done="HOMR"),
        ),
        "VAL is not rounded to steps (record: to MRES)": (
            put(VAL=P(1.000003)),
            REST,
            sees(VAL=P(1.000003), RBV="VAL", RVAL=S(1)),
        ),
        "near a limit a jog is refused (record: nothing, LVIO is 1)": (
            put(VAL=P(10)),
            REST,
            put(HLM=P(10), VAL=P(9.99)),
            REST,
            put(JOGF=1),
            sees(JOGF=0, LVIO=1, DMOV=1, refused={"JOGF": "before its soft limit"}),
        ),
        "STOP after a stall: VAL is RBV (record: at rest it does nothing)": (
            Stall(),
            put(VAL=P(4)),
            REST,
            put(STOP=1),
            sees(VAL=P(2), RBV=P(2), DMOV=1),
        ),
    }
    return cases


DIFFERENT: dict[str, Case] = {**_held(), **_under_way(), **_limits()}
