"""What is put while the axis moves, jogs or searches its reference."""

from __future__ import annotations

from tests.backends.motor.common import DRIVES, GO, HOMES, JOGS, MOVE, PAUSE, STOP, Case, at
from tests.backends.motor.language import REST, D, P, Pass, S, put, sees


def moving() -> dict[str, Case]:
    """A motion is under way: moving to 8, at 3."""
    moving = (put(VAL=P(8)), Pass(3))
    cases: dict[str, Case] = {}
    for name, (value, to) in {**DRIVES, "RLV": (D(1), 9), "TWF": (1, 9), "TWR": (1, 7)}.items():
        cases[f"moving: {name} redirects"] = (
            *moving,
            put(**{name: value}),
            sees(VAL=P(to), DMOV=0, MOVN=1, waits=f"VAL {name}"),
            REST,
            sees(**at(to), done=f"VAL {name}"),
        )
    cases["moving: VAL the other way"] = (
        *moving,
        put(VAL=P(-4)),
        REST,
        sees(**at(-4, TDIR=0), done="VAL"),
    )
    for name in HOMES:
        cases[f"moving: {name} homes"] = (
            *moving,
            put(**{name: 1}),
            sees(**{name: 1}, VAL=P(3), DMOV=0, MOVN=1, waits=f"VAL {name}"),
            REST,
            sees(**at(-10, **{name: 0}), done=f"VAL {name}"),
        )
    cases["moving: STOP"] = (*moving, put(STOP=1), REST, sees(**at(3), done="VAL STOP"))
    cases["moving: STOP 0 does nothing"] = (*moving, put(STOP=0), REST, sees(**at(8)))
    cases["moving: SPMG Stop"] = (
        *moving,
        put(SPMG=STOP),
        REST,
        sees(**at(3, SPMG=STOP), done="VAL"),
        put(SPMG=GO),
        REST,
        sees(**at(3)),
    )
    for resume, after in ((GO, GO), (MOVE, PAUSE)):
        cases[f"moving: SPMG Pause, then {resume}"] = (
            put(RTRY=3),
            *moving,
            put(SPMG=PAUSE),
            REST,
            sees(VAL=P(8), RBV=P(3), DMOV=0, MOVN=0, waits="VAL", done="SPMG"),
            put(SPMG=resume),
            sees(DMOV=0, MOVN=1, waits="VAL"),
            REST,
            sees(**at(8, SPMG=after), done="VAL"),
        )
    cases["moving: Pause, VAL, then Go"] = (
        *moving,
        put(SPMG=PAUSE),
        REST,
        put(VAL=P(-2)),
        sees(VAL=P(-2), RBV=P(3), DMOV=0),
        put(SPMG=GO),
        REST,
        sees(**at(-2), done="VAL"),
    )
    cases["moving: SPMG Move goes on"] = (
        *moving,
        put(SPMG=MOVE),
        sees(VAL=P(8), DMOV=0, MOVN=1),
        REST,
        sees(**at(8, SPMG=PAUSE), done="VAL"),
    )
    cases["moving: SET, VAL renames the target, the move goes on"] = (
        *moving,
        put(SET="Set", VAL=P(18)),
        sees(VAL=P(18), DVAL=P(8), OFF=D(10), MOVN=1),
        REST,
        sees(VAL=P(18), RBV=P(18), DRBV=P(8), DMOV=1, done="VAL"),
    )
    cases["moving: OFF moves VAL, the move goes on"] = (
        *moving,
        put(OFF=D(3)),
        sees(VAL=P(11), DVAL=P(8), RBV=P(6), DMOV=0, MOVN=1),
        REST,
        sees(VAL=P(11), DRBV=P(8), DMOV=1, done="VAL"),
    )
    cases["moving: DIR, offset variable, keeps VAL"] = (
        *moving,
        put(DIR="Neg"),
        sees(VAL=P(8), DVAL=P(8), OFF=P(16, 2), RBV=P(13), DMOV=0, MOVN=1),
        REST,
        sees(VAL=P(8), RBV=P(8), DRBV=P(8), DMOV=1, done="VAL"),
    )
    cases["moving: DIR, offset frozen, keeps OFF"] = (
        *moving,
        put(FOFF="Frozen", DIR="Neg"),
        sees(VAL=P(-8, -1), DVAL=P(8), OFF=0, RBV=P(-3, -1), DMOV=0, MOVN=1),
        REST,
        sees(VAL=P(-8, -1), DRBV=P(8), DMOV=1, done="VAL"),
    )
    cases["moving: the limit is moved inside, the move goes on"] = (
        *moving,
        put(HLM=P(6)),
        sees(LVIO=1, VAL=P(8), DMOV=0, MOVN=1),
        REST,
        sees(VAL=P(8), RBV=P(8), DMOV=1, LVIO=1, done="VAL"),
    )
    for name, value in (("VAL", P(11)), ("DVAL", P(-11)), ("RVAL", S(11)), ("RLV", D(3))):
        cases[f"moving: {name} beyond is refused, the move goes on"] = (
            put(VAL=P(8)),
            Pass(3),
            put(**{name: value}),
            sees(LVIO=1, VAL=P(8), DMOV=0, MOVN=1, refused={name: "is outside"}),
            REST,
            sees(**at(8, LVIO=1)),
        )
    return cases


def jogging_and_homing() -> dict[str, Case]:
    jogging, homing = (put(JOGF=1), Pass(2)), (put(HOMR=1), Pass(5))
    cases: dict[str, Case] = {
        "jogging: STOP": (*jogging, put(STOP=1), REST, sees(**at(2, JOGF=0), done="JOGF STOP")),
        "jogging: SPMG Stop": (
            *jogging,
            put(SPMG=STOP),
            REST,
            sees(**at(2, JOGF=0), done="JOGF"),
            put(SPMG=GO),
            REST,
            sees(**at(2)),
        ),
        "jogging: SPMG Pause, then Go": (
            *jogging,
            put(SPMG=PAUSE),
            REST,
            sees(**at(2, JOGF=1), done="JOGF"),
            put(SPMG=GO),
            sees(DMOV=0, MOVN=1),
            REST,
            sees(VAL=JOGS["JOGF"], RBV=JOGS["JOGF"], JOGF=0, LVIO=1),
        ),
        "jogging: HOMF": (*jogging, put(HOMF=1), REST, sees(**at(-10, HOMF=0))),
        "jogging: RLV ends it and counts from where it is": (
            *jogging,
            put(RLV=D(1)),
            sees(VAL=P(3), MOVN=1, waits="JOGF RLV"),
            REST,
            sees(**at(3), done="JOGF RLV"),
        ),
        "jogging: TWR too": (*jogging, put(TWR=1), REST, sees(**at(1))),
        "homing: STOP": (*homing, put(STOP=1), REST, sees(**at(-5, HOMR=0), done="HOMR STOP")),
        "homing: SPMG Stop": (*homing, put(SPMG=STOP), REST, sees(**at(-5, HOMR=0), done="HOMR")),
        "homing: SPMG Pause ends it": (
            *homing,
            put(SPMG=PAUSE),
            REST,
            sees(**at(-5, HOMR=0), done="HOMR"),
            put(SPMG=GO),
            REST,
            sees(**at(-5)),
        ),
        "homing: SPMG Move goes on": (
            *homing,
            put(SPMG=MOVE),
            REST,
            sees(**at(-10, SPMG=MOVE), done="HOMR"),
        ),
        "homing: HOMR 0 is an error": (
            *homing,
            put(HOMR=0),
            sees(HOMR=1, MOVN=1, refused={"HOMR": "it is homing"}),
            REST,
            sees(**at(-10, HOMR=0)),
        ),
        "homing: HOMF is an error": (
            *homing,
            put(HOMF=1),
            sees(HOMF=0, HOMR=1, refused={"HOMF": "it is homing"}),
            REST,
            sees(**at(-10), done="HOMR"),
        ),
    }
    for name, (value, to) in DRIVES.items():
        cases[f"homing: {name} waits for its end"] = (
            *homing,
            put(**{name: value}),
            sees(VAL=P(to), HOMR=1, MOVN=1, DMOV=0, waits=f"HOMR {name}"),
            REST,
            sees(**at(to, HOMR=0), done=f"HOMR {name}"),
        )
    cases["homing: VAL, then STOP forgets it"] = (
        *homing,
        put(VAL=P(2), STOP=1),
        REST,
        sees(**at(-5), done="HOMR VAL"),
    )
    return cases
