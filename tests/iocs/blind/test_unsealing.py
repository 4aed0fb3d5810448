"""A blind envelope opens with its key alone; everybody can verify what was in it."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
from pathlib import Path

import numpy as np
import pytest
from caproto import ChannelType

from haloscope.apparatus.blinding import BlindKey
from haloscope.apparatus.injection import open_envelope
from instruments.errors import Refused
from iocs.supervision import storage
from iocs.supervision.sealed_state import ENVELOPE, OtherEnvelopeError
from pvdb.records.description import WITHHELD
from tests.iocs.blind.keys import KEY, LINE, SECONDS, assert_silent, awake, blind, elsewhere, ended
from tests.iocs.driving import let_pass, start
from tests.iocs.plants import make

WRONG = "0" * 32


def value(ioc, name):
    return ioc.database[f"Sim:{name}"].value


def contents(ioc) -> str:
    return bytes(np.asarray(ioc.database["Sim:Envelope_RBV"].value, dtype=np.uint8)).decode()


def test_the_key_opens_it_and_anybody_can_recompute_the_hash(tmp_path: Path, caplog) -> None:
    async def story() -> None:
        ioc = blind(tmp_path)
        await awake(ioc)
        assert (value(ioc, "Blind_RBV"), value(ioc, "Unsealed_RBV")) == ("Yes", "No")
        assert contents(ioc) == value(ioc, "UnsealedAt_RBV") == ""
        published = value(ioc, "EnvelopeHash_RBV")
        key = ioc.database["Sim:UnsealKey"]
        await ioc.database.put_for(key, KEY.unseal_key, "blinder@lab", "127.0.0.1:5")
        assert value(ioc, "Unsealed_RBV") == "Yes"
        assert value(ioc, "UnsealedBy_RBV") == "blinder@lab"
        assert value(ioc, "UnsealedAt_RBV").endswith("+00:00")
        assert value(ioc, "UnsealKey") == ""
        text = contents(ioc)
        assert hashlib.sha256(text.encode()).hexdigest() == published
        assert text == json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
        assert json.loads(text)["blind"] is True
        assert open_envelope(text, published) == LINE
        assert KEY.unseal_key not in text
        assert KEY.noise_key not in text
        assert value(ioc, "Seed_RBV") == -1
        await ended(ioc)

    asyncio.run(story())
    assert "opened at" in caplog.text
    assert "by blinder@lab" in caplog.text


def test_without_the_key_nothing_opens_it_and_no_log_keeps_what_was_tried(
    tmp_path: Path, caplog
) -> None:
    caplog.set_level(logging.DEBUG)
    nearly = KEY.unseal_key[:-1] + "0"

    async def story() -> None:
        state = tmp_path / "state"
        ioc = blind(tmp_path, "--state-dir", str(state))
        await awake(ioc)
        key = ioc.database["Sim:UnsealKey"]
        for number, tried in enumerate((WRONG, nearly, "", KEY.unseal_key + "0"), 1):
            with pytest.raises(Refused, match="wrong key, the envelope stays sealed"):
                await ioc.database.put_for(key, tried, "somebody@lab", "127.0.0.1:5")
            assert value(ioc, "WrongKeys_RBV") == number
            assert ioc.put_log.last["new"] == WITHHELD
            assert "somebody@lab" in ioc.put_log.last["client"]
        for nonsense in (nearly * 20, 5.0, np.arange(3)):
            with pytest.raises(Refused, match="takes a text of up to 256 bytes"):
                await ioc.database.put("Sim:UnsealKey", nonsense)
            assert nearly not in ioc.refusal
        with pytest.raises(Refused, match="opens with its key"):
            await ioc.database.put("Sim:Unseal", 1)
        assert (value(ioc, "Unsealed_RBV"), contents(ioc)) == ("No", "")
        await ended(ioc)
        for path in state.iterdir():
            assert nearly not in path.read_text(errors="replace")
        # The count outlives the process, the envelope stays sealed.
        ioc = blind(tmp_path, "--state-dir", str(state))
        await awake(ioc)
        assert (value(ioc, "WrongKeys_RBV"), value(ioc, "Unsealed_RBV")) == (4, "No")
        await ended(ioc)

    asyncio.run(story())
    assert "wrong key 1 for the envelope, from somebody@lab" in caplog.text
    assert nearly not in caplog.text


def test_a_key_that_comes_as_characters_opens_and_bytes_that_are_no_text_are_not_quoted(
    tmp_path: Path, caplog
) -> None:
    async def story() -> None:
        ioc = blind(tmp_path)
        await awake(ioc)
        key = ioc.database["Sim:UnsealKey"]
        noise = [KEY.unseal_key.encode()[:-1] + b"\xff"]
        with pytest.raises(Refused, match="Sim:UnsealKey: not a text"):
            await ioc.database.put_from_wire(key, noise, ChannelType.STRING, "a@b", None)
        assert ioc.put_log.last["new"] == WITHHELD
        sent = np.frombuffer(KEY.unseal_key.encode() + b"\0", dtype=np.uint8)
        await ioc.database.put_from_wire(key, sent, ChannelType.CHAR, "a@b", None)
        assert value(ioc, "Unsealed_RBV") == "Yes"
        assert ioc.put_log.last["new"] == WITHHELD
        await ended(ioc)

    asyncio.run(story())
    assert KEY.unseal_key[:-1] not in caplog.text


def test_it_is_not_opened_while_a_spectrum_is_taken(tmp_path: Path) -> None:
    async def story() -> None:
        ioc = blind(tmp_path)
        await awake(ioc)
        await ioc.database.put("DAQ:NumAverages", 2000)
        put = start(ioc, "DAQ:Acquire", 1)
        await let_pass(ioc, 10.0)
        with pytest.raises(Refused, match="the digitizer acquires"):
            await ioc.database.put("Sim:UnsealKey", KEY.unseal_key)
        assert value(ioc, "WrongKeys_RBV") == 0
        assert value(ioc, "Unsealed_RBV") == "No"
        await let_pass(ioc, SECONDS)
        await put
        await ioc.database.put("Sim:UnsealKey", f" {KEY.unseal_key}\n")
        assert value(ioc, "Unsealed_RBV") == "Yes"
        await ended(ioc)

    asyncio.run(story())


def test_a_run_that_is_not_blind_says_so_and_needs_no_key(caplog) -> None:
    async def story() -> None:
        ioc = make("haloscope", "--inject", "1e-15", "--seed", "4")
        await awake(ioc)
        assert value(ioc, "Blind_RBV") == "No"
        assert value(ioc, "Seed_RBV") == 4
        with pytest.raises(Refused, match="not blind: put 1 to Sim:Unseal"):
            await ioc.database.put("Sim:UnsealKey", WRONG)
        await ioc.database.put("Sim:Unseal", 1)
        assert json.loads(contents(ioc))["blind"] is False
        await ended(ioc)

    asyncio.run(story())
    assert "not blind: where the axion hides follows from the seed" in caplog.text


def test_only_the_simulation_role_may_try_a_key(tmp_path: Path) -> None:
    ioc = blind(tmp_path)
    record = ioc.database["Sim:UnsealKey"].record
    assert record.group == "SIMULATION"
    assert "WRITE" not in str(ioc.database.rights(record, "127.0.0.1", "somebody else"))


# -- restarts ------------------------------------------------------------------------------------


def test_a_restart_keeps_envelope_and_state_and_an_opened_one_stays_open(
    tmp_path: Path, caplog
) -> None:
    async def life(act: str) -> dict[str, object]:
        ioc = blind(tmp_path, "--state-dir", str(tmp_path / "state"))
        await awake(ioc)
        if act == "move":
            put = start(ioc, "Rod", 34.3)
            await let_pass(ioc, 60.0)
            await put
        if act == "open":
            await ioc.database.put("Sim:UnsealKey", KEY.unseal_key)
            kept = [path.read_bytes() for path in (tmp_path / "state").iterdir()]
            assert not any(KEY.unseal_key.encode() in held for held in kept)
        names = ("EnvelopeHash_RBV", "Unsealed_RBV", "UnsealedAt_RBV", "UnsealedBy_RBV")
        told = {name: value(ioc, name) for name in names}
        told |= {"rod": ioc.database["Rod.RBV"].value, "text": contents(ioc)}
        told["time"] = value(ioc, "Time_RBV")
        await ended(ioc)
        return told

    first, second, third, fourth = (asyncio.run(life(act)) for act in ("move", "", "open", ""))
    assert "not used" not in caplog.text
    assert first == second
    assert second["time"] > 50.0
    assert second["text"] == ""
    assert third["text"] == KEY.contents
    assert third == fourth


def test_a_file_that_says_it_was_opened_opens_nothing(tmp_path: Path) -> None:
    state = tmp_path / "state"
    asyncio.run(_begin_and_end(tmp_path, state))
    kept = storage.load(state / ENVELOPE)
    assert kept["contents"] == ""
    forged = {**kept, "unsealed_at": "2022-01-01T00:00:00+00:00", "unsealed_by": "me"}
    for text in ("", "{}", elsewhere().contents):
        storage.save(state / ENVELOPE, {**forged, "contents": text})
        ioc = blind(tmp_path, "--state-dir", str(state))
        assert not ioc.plant.seal.unsealed
        assert ioc.plant.seal.contents == ""


async def _begin_and_end(folder: Path, state: Path, key: BlindKey = KEY) -> None:
    ioc = blind(folder, "--state-dir", str(state), key=key)
    await awake(ioc)
    await ended(ioc)


def test_another_key_file_or_none_is_refused_for_the_folder_of_a_blind_run(tmp_path: Path) -> None:
    state = tmp_path / "state"
    asyncio.run(_begin_and_end(tmp_path, state))
    before = {path.name: path.read_bytes() for path in state.iterdir()}
    with pytest.raises(OtherEnvelopeError, match=f"of another blind run.*ours {elsewhere().hash}"):
        blind(tmp_path, "--state-dir", str(state), key=elsewhere())
    with pytest.raises(OtherEnvelopeError, match="start it with its key file"):
        make("haloscope", "--state-dir", str(state))
    (state / ENVELOPE).write_text("damaged")
    with pytest.raises(OtherEnvelopeError, match="cannot be read"):
        blind(tmp_path, "--state-dir", str(state))
    before.pop(ENVELOPE)
    assert before.items() <= {path.name: path.read_bytes() for path in state.iterdir()}.items()


def test_a_snapshot_of_another_envelope_is_not_used_without_its_file_either(
    tmp_path: Path, caplog
) -> None:
    state = tmp_path / "state"
    asyncio.run(_begin_and_end(tmp_path, state))
    for path in state.glob("envelope.*"):
        path.unlink()
    ioc = blind(tmp_path, "--state-dir", str(state), key=elsewhere())
    ioc.restore()
    assert "envelope = " in caplog.text
    assert "is not used" in caplog.text
    assert_silent(caplog.text)
    assert_silent(caplog.text, elsewhere())


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--seed", "5"), "--seed: the seed of a blind run comes from its key file"),
        (("--inject", "1e-15"), "--inject: what a blind run hides comes from its key file"),
        (("--inject-band", "1090", "1110"), "--inject: what a blind run hides"),
    ],
)
def test_what_the_key_file_decides_is_not_given_besides(
    tmp_path: Path, arguments: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ValueError, match=why):
        blind(tmp_path, *arguments)
