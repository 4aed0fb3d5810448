"""Soft limits, switches, stalls, and puts that change nothing."""

from __future__ import annotations

from tests.backends.motor.common import GO, HOMES, MOVE, Case, at
from tests.backends.motor.language import REST, D, P, Pass, S, Stall, put, sees


def limits() -> dict[str, Case]:
    none = (put(DHLM=0.0, DLLM=0.0), sees(DHLM=0, DLLM=0, LVIO=0))
    outside = {"VAL": P(11), "DVAL": P(-11), "RVAL": S(11), "RLV": D(11)}
    cases: dict[str, Case] = {}
    for name, value in outside.items():
        cases[f"beyond: {name} is refused, LVIO is 1 until a good move"] = (
            put(**{name: value}),
            sees(**{**at(0), "LVIO": 1}, refused={name: "is outside"}),
            put(VAL=P(1)),
            REST,
            sees(**at(1)),
        )
        end = -10 if name == "DVAL" else 10
        cases[f"no limits: {name} runs to the switch"] = (
            *none,
            put(**{name: value}),
            sees(DVAL=P(1.1 * end), MOVN=1, waits=name),
            REST,
            sees(**at(end, HLS=int(end > 0), LLS=int(end < 0)), done=name),
            put(VAL=P(1)),
            REST,
            sees(**at(1), done="VAL"),
        )
    for name in ("TWF", "TWR"):
        cases[f"beyond: {name}"] = (
            put(TWV=D(11), **{name: 1}),
            sees(**{**at(0), "LVIO": 1}, refused={name: "is outside"}),
        )
    for name, end in (("JOGF", 10), ("JOGR", -10)):
        other = "JOGR" if name == "JOGF" else "JOGF"
        cases[f"no limits: {name} runs to the switch and away again"] = (
            *none,
            put(**{name: 1}),
            REST,
            sees(**at(end, **{name: 0}), done=name),
            put(**{name: 1}),
            sees(**at(end, **{name: 0}), refused={name: "it is at the limit switch"}),
            put(**{other: 1}),
            Pass(3),
            sees(**{other: 1}, MOVN=1),
            put(**{other: 0}),
            REST,
            sees(**at(0.7 * end)),
        )
    for name in HOMES:
        cases[f"no limits: {name}"] = (*none, put(**{name: 1}), REST, sees(**at(-10), done=name))
    cases["no limits: at the switch nothing is tried again"] = (
        put(RTRY=3),
        *none,
        put(VAL=P(11)),
        REST,
        sees(**at(10, HLS=1, RCNT=0), done="VAL"),
    )
    cases |= {
        "the limits themselves are inside": (
            put(VAL=P(10)),
            REST,
            sees(**at(10, HLS=1), done="VAL"),
            put(VAL=P(-10)),
            REST,
            sees(**at(-10, LLS=1), done="VAL"),
        ),
        "limits agree in both coordinates": (
            put(OFF=D(1), HLM=P(5), LLM=P(-5)),
            sees(DHLM=P(4), DLLM=P(-6), HLM=P(5), LLM=P(-5), LVIO=0),
        ),
        "a limit is put inside where it stands: only towards it": (
            put(HLM=P(-2)),
            sees(VAL=P(0)),
            put(VAL=P(1)),
            sees(LVIO=1, VAL=P(0), refused={"VAL": "is outside"}),
            put(VAL=P(-1)),
            REST,
            sees(VAL=P(-1), RBV=P(-1), LVIO=0, done="VAL"),
            put(VAL=P(-3)),
            REST,
            sees(**at(-3)),
        ),
        "low limit above the high one: nothing goes": (
            put(DLLM=P(5), DHLM=P(3)),
            sees(HLM=P(3), LLM=P(5)),
            put(VAL=P(4)),
            sees(**{**at(0), "LVIO": 1}, refused={"VAL": "is above its high limit"}),
            put(JOGF=1),
            sees(**{**at(0), "LVIO": 1}, JOGF=0, refused={"JOGF": "before its soft limit"}),
        ),
        "a home search does not mind soft limits": (
            put(LLM=P(-2), HOMF=1),
            REST,
            sees(**at(-10), done="HOMF"),
        ),
        "at the high switch: away": (
            put(VAL=P(10)),
            REST,
            put(RLV=D(-1)),
            REST,
            sees(**at(9, HLS=0)),
        ),
        "at the low switch: both home": (
            put(VAL=P(-10)),
            REST,
            put(HOMF=1),
            REST,
            sees(**at(-10, HOMF=0), done="HOMF"),
        ),
    }
    return cases


def at_rest() -> dict[str, Case]:
    return {
        "STOP at rest": (put(STOP=1), sees(**at(0), done="STOP")),
        "VAL of where it stands: DMOV goes down and up": (
            put(VAL=P(0)),
            sees(DMOV=0, waits="VAL"),
            REST,
            sees(**at(0), done="VAL"),
        ),
        "TWF 0 does nothing": (put(TWF=0), REST, sees(**at(0), done="TWF")),
        "JOGF 0 does nothing": (put(JOGF=0), sees(**at(0), done="JOGF")),
        "HOMF 0 does nothing": (put(HOMF=0), sees(**at(0), done="HOMF")),
        "TWV may be negative": (put(TWV=D(-1), TWF=1), REST, sees(**at(-1), done="TWF")),
        "Go to Go": (put(SPMG=GO), sees(**at(0, SPMG=GO), done="SPMG")),
        "RLV adds to VAL, not to RBV": (
            Stall(),
            put(VAL=P(4)),
            REST,
            sees(VAL=P(4), RBV=P(2)),
            put(RLV=D(1)),
            sees(VAL=P(5)),
            REST,
            sees(**at(5), done="RLV"),
        ),
        "a stall without retries: short, not missed": (
            Stall(),
            put(VAL=P(4)),
            REST,
            sees(VAL=P(4), RBV=P(2), DIFF=D(2), DMOV=1, MOVN=0, MISS=0, RCNT=0, done="VAL"),
            put(VAL=P(4)),
            REST,
            sees(**at(4), done="VAL"),
        ),
        "a stall is made good by a retry": (
            put(RTRY=3),
            Stall(),
            put(VAL=P(4)),
            REST,
            sees(**at(4, RCNT=1), done="VAL"),
        ),
        "a stall in Move leaves SPMG": (
            put(SPMG=MOVE),
            Stall(),
            put(VAL=P(4)),
            REST,
            sees(VAL=P(4), RBV=P(2), SPMG=MOVE, done="VAL"),
        ),
        "a home search that stalls: VAL is RBV, not homed": (
            Stall(),
            put(HOMF=1),
            REST,
            sees(VAL="RBV", RBV=P(-5), DMOV=1, HOMF=0, done="HOMF"),
        ),
        "SYNC: VAL becomes RBV": (
            Stall(),
            put(VAL=P(4)),
            REST,
            put(SYNC=1),
            sees(VAL=P(2), RBV=P(2), DVAL=P(2), SYNC=0, DMOV=1, done="SYNC"),
        ),
        "STOP while a stall is told": (
            Stall(),
            put(VAL=P(4)),
            Pass(1),
            put(STOP=1),
            REST,
            sees(**at(1), done="VAL STOP"),
        ),
    }
