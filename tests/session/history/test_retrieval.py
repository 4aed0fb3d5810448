"""The archiver appliance's JSON route, as its clients ask: PyDM's query, the page's, curl's."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from tornado.httpserver import HTTPServer
from tornado.ioloop import IOLoop

from cryohalo.history import retrieval
from cryohalo.history.retrieval import application
from cryohalo.history.store import LOST, MICRO, Properties, Sample, Store
from cryohalo.processes.addresses import free_ports

BEGIN_S = 1_795_000_000  # 2026-11-18T11:06:40Z


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("history") / "history.sqlite"
    store = Store(path)
    store.describe("A:T", "number", Properties("K", 4))
    store.describe("A:S", "state", Properties(states=("Off", "On")))
    begin = BEGIN_S * MICRO
    ramp = [Sample("A:T", begin + i * MICRO // 2, float(i)) for i in range(100)]
    lost = [Sample("A:T", begin + 60 * MICRO, None, LOST), Sample("A:T", begin + 70 * MICRO, 5.0)]
    nan = [Sample("A:T", begin + 80 * MICRO, None, 3, 1)]
    store.write([*ramp, *lost, *nan, Sample("A:S", begin, 1, 2, 7)], begin)
    store.close()
    return path


@pytest.fixture(scope="module")
def address(history: Path) -> Iterator[str]:
    (port,) = free_ports(1)
    loops: list[IOLoop] = []
    listening = threading.Event()

    def serve() -> None:
        loop = IOLoop()
        server = HTTPServer(application(history))
        server.listen(port, "127.0.0.1")
        loops.append(loop)
        loop.add_callback(listening.set)
        loop.start()
        server.stop()
        loop.run_sync(server.close_all_connections)
        loop.close(all_fds=True)

    thread = threading.Thread(target=serve)
    thread.start()
    listening.wait(20)
    yield f"http://127.0.0.1:{port}"
    loops[0].add_callback(loops[0].stop)
    thread.join()


def get(address: str, **query: str) -> Any:
    full = f"{address}/retrieval/data/getData.json?{urlencode(query)}"
    with urlopen(full, timeout=20) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        return json.load(answer)


def refused(address: str, **query: str) -> tuple[int, str]:
    with pytest.raises(HTTPError) as error:
        get(address, **query)
    with error.value as answer:
        return answer.code, json.load(answer)["error"]


WHOLE = {"from": "2026-11-18T11:00:00.000Z", "to": "2026-11-18T12:00:00.000Z"}


def test_samples_with_their_properties(address: str) -> None:
    (told,) = get(address, pv="A:T", **WHOLE)
    assert told["meta"] == {"name": "A:T", "EGU": "K", "PREC": "4"}
    assert told["data"][1] == {
        "secs": BEGIN_S,
        "nanos": 500_000_000,
        "val": 1.0,
        "severity": 0,
        "status": 0,
    }
    assert [point["val"] for point in told["data"]] == [*map(float, range(100)), 5.0]


def test_the_first_after_a_loss_says_when_it_was_lost(address: str) -> None:
    (told,) = get(address, pv="A:T", **WHOLE)
    assert told["data"][-1]["fields"] == {
        "cnxlostepsecs": str(BEGIN_S + 60),
        "cnxregainedepsecs": str(BEGIN_S + 70),
    }
    assert not [point for point in told["data"][:-1] if "fields" in point]


def test_states_are_numbers_with_their_names_beside(address: str) -> None:
    (told,) = get(address, pv="A:S", **WHOLE)
    assert told["meta"]["ENUM_1"] == "On"
    assert [(p["val"], p["severity"], p["status"]) for p in told["data"]] == [(1, 2, 7)]


def test_pydm_s_own_way_of_asking(address: str) -> None:
    """Nothing escaped, milliseconds and Z; its data are the rows of two arrays."""
    query = "pv=A:T&from=2026-11-18T11:06:45.000Z&to=2026-11-18T11:06:46.000Z"
    with urlopen(f"{address}/retrieval/data/getData.json?{query}", timeout=20) as answer:
        told = json.load(answer)
    assert [(p["secs"], p["val"]) for p in told[0]["data"]] == [
        (BEGIN_S + 5, 10.0),
        (BEGIN_S + 5, 11.0),
        (BEGIN_S + 6, 12.0),
    ]


def test_optimized_gives_mean_deviation_least_largest_number_of_each_bin(address: str) -> None:
    span = {"from": "2026-11-18T11:06:40Z", "to": "2026-11-18T11:07:30Z"}
    (told,) = get(address, pv="optimized_5(A:T)", **span)
    first = told["data"][0]
    assert first["val"] == pytest.approx([9.5, 33.25**0.5, 0.0, 19.0, 20])
    assert [point["val"][4] for point in told["data"]] == [20] * 5
    assert first["secs"] == BEGIN_S + 5


def test_mean_of_seconds(address: str) -> None:
    span = {"from": "2026-11-18T11:06:40Z", "to": "2026-11-18T11:07:29.9Z"}
    (told,) = get(address, pv="mean_10(A:T)", **span)
    assert [point["val"] for point in told["data"]] == [9.5, 29.5, 49.5, 69.5, 89.5]


def test_states_are_not_averaged(address: str) -> None:
    (told,) = get(address, pv="optimized_5(A:S)", **WHOLE)
    assert told["data"][0]["val"] == 1


@pytest.mark.parametrize(
    ("query", "code", "words"),
    [
        ({"pv": "A:X", **WHOLE}, 404, "A:X is not recorded"),
        ({"pv": "A:T", "from": "yesterday", "to": "2026-11-18T12:00:00Z"}, 400, "'yesterday'"),
        ({"pv": "A:T"}, 400, "Missing argument from"),
        ({"pv": "optimized_0(A:T)", **WHOLE}, 400, "1 to"),
        ({"pv": "optimized_999999999(A:T)", **WHOLE}, 400, "1 to"),
    ],
)
def test_what_cannot_be_answered(
    address: str, query: dict[str, str], code: int, words: str
) -> None:
    answered, why = refused(address, **query)
    assert answered == code
    assert words in why


def test_too_many_samples_are_refused_with_a_way_out(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retrieval, "MOST_SAMPLES", 50)
    code, why = refused(address, pv="A:T", **WHOLE)
    assert code == 413
    assert "optimized_1000(A:T)" in why
    assert get(address, pv="optimized_10(A:T)", **WHOLE)


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"Host": "evil.example"}, 421),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_another_site_s_page_cannot_ask(address: str, headers: dict[str, str], code: int) -> None:
    full = f"{address}/retrieval/data/getData.json?{urlencode({'pv': 'A:T', **WHOLE})}"
    with pytest.raises(HTTPError) as error:
        urlopen(Request(full, headers=headers), timeout=20)
    with error.value as answer:
        assert answer.code == code


def test_every_name_of_the_loopback_interface_is_heard(address: str) -> None:
    full = f"{address}/retrieval/bpl/getMatchingPVs?pv=*"
    for host in ("localhost:1", "[::1]:1"):
        with urlopen(Request(full, headers={"Host": host}), timeout=20) as answer:
            assert answer.status == 200


def test_names_can_be_listed(address: str) -> None:
    with urlopen(f"{address}/retrieval/bpl/getMatchingPVs?pv=A:*", timeout=20) as answer:
        assert json.load(answer) == ["A:S", "A:T"]


def fetched(address: str, path: str, **query: str) -> bytes:
    with urlopen(f"{address}/retrieval/{path}?{urlencode(query)}", timeout=20) as answer:
        return bytes(answer.read())


def test_names_are_found_by_what_phoebus_makes_of_a_pattern(address: str) -> None:
    path = "bpl/searchForPVsRegex"
    assert fetched(address, path, regex=".*") == b"A:S\nA:T\n"
    assert fetched(address, path, regex="A:T") == b"A:T\n"
    assert fetched(address, path, regex=r"A.T") == b"A:T\n"
    assert fetched(address, path, regex="a.*") == b""


@pytest.mark.parametrize("regex", ["(a+)+$", "[", "a{1,9}", "a|b"])
def test_an_expression_that_could_take_for_ever_is_refused(address: str, regex: str) -> None:
    with pytest.raises(HTTPError) as error:
        fetched(address, "bpl/searchForPVsRegex", regex=regex)
    with error.value as answer:
        assert answer.code == 400


def test_how_many_and_every_nth(address: str) -> None:
    (told,) = get(address, pv="ncount(A:T)", **WHOLE)
    assert [point["val"] for point in told["data"]] == [101.0]
    (told,) = get(address, pv="nth_25(A:T)", **WHOLE)
    assert [point["val"] for point in told["data"]] == [0.0, 25.0, 50.0, 75.0, 5.0]


@pytest.mark.parametrize(
    ("asked", "type_", "lines"),
    [("A:T", 6, 101), ("A:S", 3, 1), ("ncount(A:S)", 6, 1), ("optimized_4(A:T)", 13, 1)],
)
def test_the_binary_form_is_that_of_what_was_asked(
    address: str, asked: str, type_: int, lines: int
) -> None:
    """As Phoebus asks: its lines begin with the type, 1 << 3, of what follows."""
    content = fetched(address, "data/getData.raw", pv=asked, **WHOLE)
    about, *samples = content.removesuffix(b"\n\n").split(b"\n")
    kinds = {6: b"\x08\x06", 3: b"\x08\x03", 13: b"\x08\x1b\x03"}  # 13 is a line end, escaped
    assert about.startswith(kinds[type_])
    assert len(samples) == lines
