"""Key files whose content a test knows, and IOCs that hide it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from haloscope.apparatus.blinding import BlindKey
from haloscope.axion import AxionLine
from iocs.ioc import Ioc
from tests.iocs.driving import let_pass, start
from tests.iocs.plants import make

LINE = AxionLine(1100.003_217e6, 7.0e-16)
KEY = BlindKey(LINE, True, nonce="1f" * 32, noise_key="2e" * 32, unseal_key="3d" * 16)
#: A spectrum of 2000 averages, and its dead time.
SECONDS = 2000 / 10.0 * 1.05


def write(folder: Path, key: BlindKey = KEY) -> Path:
    """The key file in ``folder``."""
    path = folder / "blind.key"
    path.unlink(missing_ok=True)
    key.write(path)
    return path


def blind(folder: Path, *arguments: str, key: BlindKey = KEY) -> Ioc:
    """An IOC as ``--blind`` makes it."""
    return make("haloscope", "--blind", str(write(folder, key)), *arguments)


def elsewhere(key: BlindKey = KEY, offset_hz: float = 250e3) -> BlindKey:
    """The same key with the line at another place."""
    moved = replace(key.line, frequency_hz=key.line.frequency_hz + offset_hz)
    return replace(key, line=moved)


async def awake(ioc: Ioc) -> None:
    """Restored, paused, all posted."""
    ioc.restore()
    ioc.clock.paused = True
    await ioc.database.post()


async def spectrum(ioc: Ioc, averages: int = 2000) -> np.ndarray:
    """Take one spectrum through the records, the amplifier on."""
    await ioc.database.put("JPA:Pump", 1)
    await ioc.database.put("DAQ:NumAverages", averages)
    put = start(ioc, "DAQ:Acquire", 1)
    await let_pass(ioc, averages / 10.0 * 1.05)
    await put
    return np.array(ioc.database["DAQ:Spectrum_RBV"].value)


async def ended(ioc: Ioc) -> None:
    """Stop, and let go of what still waits."""
    await ioc.stop()
    for task in asyncio.all_tasks() - {asyncio.current_task()}:
        task.cancel()


def secrets_of(key: BlindKey) -> list[str]:
    """Every way that a text may give the content of a key away."""
    frequency, coupling = key.line.frequency_hz, key.line.coupling_per_gev
    numbers = [frequency, frequency * 1e-6, coupling, key.seed]
    texts = [repr(number) for number in numbers] + [f"{frequency:.0f}", f"{frequency * 1e-6:.6f}"]
    texts += [np.float64(frequency).tobytes().hex(), f"{key.seed:x}"]
    return [*texts, key.nonce, key.noise_key, key.unseal_key]


def assert_silent(text: str, key: BlindKey = KEY) -> None:
    """Nothing of the key stands in a text."""
    told = [secret for secret in secrets_of(key) if secret.lower() in text.lower()]
    assert not told


def everything(ioc: Ioc) -> Iterator[tuple[str, Any]]:
    """All that a client can read but the wall's time: values, alarms, metadata, fields."""
    for name, channel in ioc.database.channels.items():
        yield (
            name + " metadata",
            {key: told for key, told in channel._data.items() if key != "timestamp"},
        )
        yield name + " alarm", channel.alarm._data
        for field in FIELDS if "." not in name else ():
            try:
                yield f"{name}.{field}", channel.get_field(field).present()
            except KeyError:
                continue


FIELDS = (
    *("DESC", "EGU", "PREC", "HIHI", "HIGH", "LOW", "LOLO", "HYST", "MDEL", "ADEL", "RTYP", "ASG"),
    *("DRVH", "DRVL", "HOPR", "LOPR", "NORD", "NELM", "LEN", "SIZV", "SEVR", "STAT", "AMSG"),
    *("OVAL", "ZNAM", "ONAM", "DISP", "UDF", "NAME"),
)
