"""Monitor latency, overload, stopped clients: this serving layer, stock caproto and softIoc.

    python -m benchmarks.serving latency waveform overload stopped asking

Each case runs the servers in alternation, so that a busy machine is busy for all of them; read
ratios, not absolutes. All traffic stays on loopback and is bounded in count and time.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable

from benchmarks.results import hand_in
from benchmarks.servers.client import Seen, Watcher, asked_per_s, get_times_s
from benchmarks.servers.start import HERE, NAMES, Running, server

Row = dict[str, object]


def latency(rounds: int, seconds: float) -> list[Row]:
    """Age of monitors: 100 and 1000 scalars at 10 Hz each, posted together."""
    return [*_latency(100, rounds, seconds), *_latency(1000, rounds, seconds)]


def _latency(scalars: int, rounds: int, seconds: float) -> list[Row]:
    rows = []
    for name in _alternating(NAMES, rounds):
        with server(name, scalars, 10.0) as running:
            seen = _watch(running, [f"b:{n}" for n in range(scalars)], seconds)
        rows.append(_ages(name, f"{scalars} PVs at 10 Hz", seen, scalars * 10 * seconds))
    return rows


def waveform(rounds: int, seconds: float) -> list[Row]:
    """Age of a 100 000 point waveform, 20 Hz (softIoc 10 Hz), with another subscriber stalled."""
    rows = []
    for name in _alternating(NAMES, rounds):
        rate_hz = 10.0 if name == "softIoc" else 20.0
        with server(name, 10, 10.0, rate_hz) as running:
            stalled = Watcher(running.port, ["b:wave"], count=0)
            seen = _watch(running, ["b:wave"], seconds, count=0)
            stalled.close()
        rows.append(_ages(name, "waveform, one client stalled", seen, rate_hz * seconds))
    return rows


_OVERLOAD = "posting as fast as it goes"


def overload(rounds: int, seconds: float) -> list[Row]:
    """Posting as fast as it goes to 100 PVs: gets, circuits kept, memory."""
    rows = []
    for name in _alternating(("ours", "stock caproto"), rounds):
        try:
            with server(name, 100, 0.0) as running:
                rows.append(_overloaded(running, seconds))
        except TimeoutError:
            rows.append({"case": _OVERLOAD, "server": name, "failed": "answers no search"})
    return rows


def _overloaded(running: Running, seconds: float) -> Row:
    row: Row = {"case": _OVERLOAD, "server": running.name}
    try:
        watcher = Watcher(running.port, [f"b:{n}" for n in range(100)])
        before = running.memory_mb()
        gets: list[float] = []
        getter = threading.Thread(
            target=_quietly,
            args=(lambda: gets.extend(get_times_s(running.port, "b:get", seconds)),),
        )
        getter.start()
        seen = watcher.watch(seconds)
        getter.join()
        watcher.close()
    except (ConnectionError, TimeoutError) as error:
        return row | {"failed": f"{type(error).__name__}: {error}"}
    last = min(seen.per_pv.values(), default=0)
    return row | {
        "updates/s": round(len(seen) / seconds),
        "PVs seen": len(seen.per_pv),
        "least per PV": last,
        "gets": len(gets),
        "get p50 ms": _ms(gets, 0.5),
        "get max ms": _ms(gets, 1.0),
        "MB before": round(before, 1),
        "MB after": round(running.memory_mb(), 1),
    }


def stopped(rounds: int, seconds: float) -> list[Row]:
    """100 PVs at 40 Hz; one subscriber stopped with SIGSTOP, then killed; what another one gets."""
    rows = []
    for name in _alternating(("ours", "stock caproto"), rounds):
        with server(name, 100, 40.0) as running:
            rows.append(_stopped(running, seconds))
    return rows


def _stopped(running: Running, seconds: float) -> Row:
    names = [f"b:{n}" for n in range(100)]
    row: Row = {"case": f"a client stopped for {seconds:g} s", "server": running.name}
    victim = subprocess.Popen(
        [sys.executable, "-c", _VICTIM, str(HERE.parents[1]), str(running.port)]
    )
    watcher = Watcher(running.port, names)
    try:
        row["rate before"] = round(len(watcher.watch(3.0)) / 3.0)
        row["MB before"] = round(running.memory_mb(), 1)
        os.kill(victim.pid, signal.SIGSTOP)
        seen = watcher.watch(seconds)
        row["rate meanwhile"] = round(len(seen) / seconds)
        row["p50 ms"], row["p99 ms"] = (
            round(seen.quantile_ms(0.5), 1),
            round(seen.quantile_ms(0.99), 1),
        )
        row["last 3 s"] = round(len(watcher.watch(3.0)) / 3.0)
        row["MB after"] = round(running.memory_mb(), 1)
    finally:
        victim.kill()
        victim.wait()
    row["rate after kill"] = round(len(watcher.watch(3.0)) / 3.0)
    row["alive"] = running.alive()
    watcher.close()
    return row


_VICTIM = """
import sys
sys.path.insert(0, sys.argv[1])
from benchmarks.servers.client import Watcher
Watcher(int(sys.argv[2]), [f"b:{n}" for n in range(100)]).watch(1e6)
"""


def _watch(running: Running, names: list[str], seconds: float, count: int = 1) -> Seen:
    watcher = Watcher(running.port, names, count)
    try:
        watcher.watch(1.0)  # connecting and first values
        return watcher.watch(seconds)
    finally:
        watcher.close()


def _ages(name: str, case: str, seen: Seen, expected: float) -> Row:
    return {
        "case": case,
        "server": name,
        "p50 ms": round(seen.quantile_ms(0.5), 2),
        "p99 ms": round(seen.quantile_ms(0.99), 2),
        "received": len(seen),
        "of": round(expected),
    } | ({"lost": seen.lost} if name != "softIoc" else {})


def _ms(times_s: list[float], fraction: float) -> float:
    if not times_s:
        return float("nan")
    return round(sorted(times_s)[min(int(fraction * len(times_s)), len(times_s) - 1)] * 1e3, 2)


def _quietly(work: Callable[[], object]) -> None:
    try:
        work()
    except OSError as error:
        print(f"get failed: {error}", file=sys.stderr)


def _alternating(names: Iterable[str], rounds: int) -> Iterable[str]:
    for _ in range(rounds):
        yield from names


def medians(rows: list[Row]) -> list[Row]:
    """Medians over the rounds of each case and server."""
    groups: dict[tuple[object, object], list[Row]] = {}
    for row in rows:
        groups.setdefault((row["case"], row["server"]), []).append(row)
    return [_median(group) for group in groups.values()]


def _median(group: list[Row]) -> Row:
    merged: Row = {}
    for key in dict.fromkeys(key for row in group for key in row):
        values = [row[key] for row in group if key in row]
        numbers = [v for v in values if isinstance(v, (int, float)) and not isinstance(v, bool)]
        merged[key] = statistics.median(numbers) if len(numbers) == len(values) else values[0]
    return merged


def hand_in_all(rows: list[Row]) -> None:
    """Hand in rates and ages against softIoc's and stock caproto's."""
    found = {(row["case"], row["server"]): row for row in rows}
    for (case, server_name), row in found.items():
        for key, unit in (("per s", "per s"), ("p50 ms", "ms")):
            for against in NAMES[1:]:
                other = found.get((case, against), {}).get(key)
                if server_name == NAMES[0] and isinstance(other, float | int):
                    what = f"{case}{', age p50' if unit == 'ms' else ''}"
                    value = float(str(row[key]))
                    hand_in(what, value, unit, against=against, other=other, more=unit != "ms")


def asking(rounds: int, seconds: float) -> list[Row]:
    """Gets and puts with completion of one client, one after the other, beside 100 PVs at 10 Hz."""
    rows = []
    for name in _alternating(NAMES, rounds):
        with server(name, 100, 10.0) as running:
            for what in ("gets", "puts"):
                before_s = running.cpu_s()
                rate = asked_per_s(running.port, "b:get", seconds, puts=what == "puts")
                used_s = running.cpu_s() - before_s
                row: Row = {"case": what, "server": name, "per s": round(rate)}
                rows.append(row | {"us of processor each": round(1e6 * used_s / rate / seconds, 1)})
    return rows


CASES = {
    "asking": asking,
    "latency": latency,
    "waveform": waveform,
    "overload": overload,
    "stopped": stopped,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="+", choices=CASES)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=5.0, help="per measurement")
    arguments = parser.parse_args()
    for case in arguments.cases:
        rows = medians(CASES[case](arguments.rounds, arguments.seconds))
        for row in rows:
            print("  ".join(f"{key}: {value}" for key, value in row.items()), flush=True)
        hand_in_all(rows)


if __name__ == "__main__":
    main()
