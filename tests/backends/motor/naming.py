"""SET, DIR, FOFF and OFF: what positions are called."""

from __future__ import annotations

from tests.backends.motor.common import DRIVES, GO, HELD, HOMES, JOGS, PAUSE, Case, at
from tests.backends.motor.language import REST, D, P, Pass, S, put, sees


def setting() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    use = (put(SET="Use"), REST)
    for name, (value, to) in DRIVES.items():
        user = name not in ("DVAL", "RVAL")
        renamed = (
            sees(VAL=P(to), RBV=P(to), DVAL=P(0), OFF=D(to), HLM=P(10 + to), LLM=P(to - 10))
            if user
            else sees(VAL=P(0), RBV=P(0), DVAL=P(to), DRBV=P(to), OFF=D(-to), HLM=P(10 - to))
        )
        cases[f"Set, offset variable: {name}"] = (
            put(SET="Set", **{name: value}),
            sees(DMOV=1, MOVN=0, DHLM=P(10), done=name),
            renamed,
            *use,
            renamed,
            sees(DMOV=1),
        )
        loaded = sees(
            VAL=P(to), RBV=P(to), DVAL=P(to), DRBV=P(to), OFF=0, HLM=P(10), DMOV=1, done=name
        )
        cases[f"Set, offset frozen: {name} loads the position"] = (
            put(FOFF="Frozen", SET="Set", **{name: value}),
            loaded,
            *use,
            loaded,
        )
    for frozen in ("Variable", "Frozen"):
        for name, end in (("JOGF", 10), ("JOGR", -10)):
            cases[f"Set, offset {frozen}: {name} moves to the switch, past the soft limit"] = (
                put(FOFF=frozen, SET="Set", **{name: 1}),
                sees(OFF=0, MOVN=1, waits=name),
                REST,
                sees(**at(end, OFF=0, LVIO=1, **{name: 0})),
            )
        for name in HOMES:
            cases[f"Set, offset {frozen}: {name} homes"] = (
                put(FOFF=frozen, SET="Set", **{name: 1}),
                REST,
                sees(**at(-10, OFF=0), done=name),
            )
        cases[f"Set, offset {frozen}: OFF"] = (
            put(FOFF=frozen, SET="Set", OFF=D(3)),
            sees(VAL=P(3), RBV=P(3), DVAL=P(0), HLM=P(13), LLM=P(-7), DMOV=1),
        )
    cases["Set: any value will do, limits do not count"] = (
        put(SET="Set", VAL=P(25)),
        sees(VAL=P(25), RBV=P(25), OFF=D(25), LVIO=0, done="VAL"),
        put(SET="Use", VAL=P(26)),
        REST,
        sees(VAL=P(26), DRBV=P(1), DMOV=1),
    )
    cases["SSET, SUSE, FOF, VOF put SET and FOFF"] = (
        put(FOF=1, SSET=1),
        sees(FOFF="Frozen", SET="Set"),
        put(VOF=0, SUSE=0),
        sees(FOFF="Variable", SET="Use"),
    )
    for mode in HELD:
        cases[f"Set in {mode}: VAL renames at once"] = (
            put(SET="Set", SPMG=mode, VAL=P(2)),
            sees(VAL=P(2), RBV=P(2), OFF=D(2), DMOV=1, done="VAL"),
            put(SPMG=GO),
            REST,
            sees(VAL=P(2), RBV=P(2), DRBV=P(0)),
        )
    cases["Set, Neg, offset variable: VAL"] = (
        put(DIR="Neg", SET="Set", VAL=P(2)),
        sees(VAL=P(2), RBV=P(2), DVAL=P(0), OFF=P(2, 2), HLM=P(12), LLM=P(-8)),
    )
    cases["Set, Neg, offset variable: DVAL"] = (
        put(DIR="Neg", SET="Set", DVAL=P(2)),
        sees(VAL=P(0), RBV=P(0), DVAL=P(2), DRBV=P(2), OFF=P(2, 2), HLM=P(12), LLM=P(-8)),
    )
    cases["Set, Neg, offset frozen: VAL"] = (
        put(DIR="Neg", FOFF="Frozen", SET="Set", VAL=P(2)),
        sees(VAL=P(2), RBV=P(2), DVAL=P(-2), DRBV=P(-2), OFF=P(0, 2)),
    )
    cases["Set: a home search undoes a loaded position"] = (
        put(FOFF="Frozen", SET="Set", VAL=P(3), HOMF=1),
        REST,
        sees(**at(-10, ATHM=1), done="HOMF"),
        put(SET="Use", VAL=P(0)),
        REST,
        sees(**at(0)),
    )
    return cases


def direction_and_offset() -> dict[str, Case]:
    at_two = (put(VAL=P(2)), REST)
    cases: dict[str, Case] = {
        "DIR, offset variable: VAL and RBV are kept, OFF changes": (
            *at_two,
            put(DIR="Neg"),
            sees(**at(2, OFF=P(4, 2), DRBV=P(2), HLM=P(14), LLM=P(-6), DHLM=P(10))),
            put(DIR="Pos"),
            sees(**at(2, OFF=0, HLM=P(10), LLM=P(-10))),
        ),
        "DIR, offset frozen: OFF is kept, VAL and RBV change": (
            *at_two,
            put(FOFF="Frozen", DIR="Neg"),
            sees(VAL=P(-2, -1), RBV=P(-2, -1), DVAL=P(2), OFF=0, DMOV=1),
            sees(HLM=P(10, -1), LLM=P(-10, -1)),
            put(DIR="Pos"),
            sees(**at(2, OFF=0)),
        ),
        "DIR put as it is changes nothing": (
            put(DIR="Neg"),
            put(DIR="Neg"),
            sees(VAL=P(0), OFF=P(0, 2)),
        ),
        "a limit in user coordinates is the other one in dial": (
            put(DIR="Neg", HLM=P(4)),
            sees(DLLM=P(-4), DHLM=P(10), LLM=P(-10), HLM=P(4)),
            put(VAL=P(5)),
            sees(VAL=P(0), LVIO=1, refused={"VAL": "is outside"}),
        ),
        "Neg: DVAL is in dial coordinates": (
            put(DIR="Neg", DVAL=P(2)),
            sees(TDIR=1),
            REST,
            sees(VAL=P(-2), RBV=P(-2), DRBV=P(2), DMOV=1),
        ),
        "Neg: RVAL too": (put(DIR="Neg", RVAL=S(2)), REST, sees(VAL=P(-2), DRBV=P(2))),
        "Neg: VAL, RLV and TWF are in user coordinates": (
            put(DIR="Neg", VAL=P(2)),
            sees(TDIR=0),
            REST,
            sees(RBV=P(2), DRBV=P(-2)),
            put(RLV=D(1)),
            REST,
            sees(RBV=P(3), DRBV=P(-3)),
            put(TWF=1),
            REST,
            sees(RBV=P(4), DRBV=P(-4)),
        ),
    }
    for name, end in JOGS.items():
        side = 1 if name == "JOGF" else -1
        cases[f"Neg: {name} is in user coordinates"] = (
            put(DIR="Neg", **{name: 1}),
            Pass(2),
            sees(RBV=P(2 * side), DRBV=P(-2 * side)),
            REST,
            sees(VAL=end, RBV=end, LVIO=1, **{name: 0}),
        )
    for name in HOMES:
        cases[f"Neg: {name} finds the same reference"] = (
            put(DIR="Neg", **{name: 1}),
            REST,
            sees(VAL=P(10), RBV=P(10), DRBV=P(-10), HLS=1, LLS=0, RLLS=1, ATHM=1, done=name),
        )
    for frozen in ("Variable", "Frozen"):
        cases[f"OFF, offset {frozen}: VAL, RBV and the limits move with it"] = (
            put(FOFF=frozen, OFF=D(3)),
            sees(VAL=P(3), RBV=P(3), DVAL=P(0), HLM=P(13), LLM=P(-7), DHLM=P(10), DMOV=1),
            put(VAL=P(12)),
            REST,
            sees(RBV=P(12), DRBV=P(9), done="VAL"),
            put(VAL=P(14)),
            sees(LVIO=1, refused={"VAL": "is outside"}),
        )
        cases[f"Pause, VAL waits, OFF, offset {frozen}"] = (
            put(SPMG=PAUSE, VAL=P(2), FOFF=frozen, OFF=D(1)),
            sees(VAL=P(3), DVAL=P(2), RBV=P(1), DMOV=0, waits="VAL"),
            put(SPMG=GO),
            REST,
            sees(VAL=P(3), RBV=P(3), DRBV=P(2), done="VAL"),
        )
    cases["Pause, VAL waits, DIR, offset variable"] = (
        put(SPMG=PAUSE, VAL=P(2), DIR="Neg"),
        sees(VAL=P(2), DVAL=P(2), OFF=P(4, 2), RBV=P(4), DMOV=0),
        put(SPMG=GO),
        REST,
        sees(VAL=P(2), RBV=P(2), DRBV=P(2), done="VAL"),
    )
    return cases
