"""Put to an IOC, kill it at any moment, start it again: what was acknowledged must be there.

Several clients put at the same time, each to things of its own, and note what was acknowledged. A
put that was sent and not answered may have been taken or not; nothing else may have changed. What
nobody has put to yet is as the IOC said it first.
"""

from __future__ import annotations

import math
import os
import random
import signal
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryohalo.processes.launcher import LaunchedIoc, RunningIoc
from iocs.access.os_users import own_user
from tests.live.raw_client import DOUBLE, WRITE_NOTIFY, RawClient

_VALUE = struct.Struct(">d")
ECA_NORMAL, ECA_NOWTACCESS = 1, 376
PUT_TIMEOUT_S = 120.0

Draw = Callable[[random.Random], float]


@dataclass(frozen=True)
class Target:
    """One PV that is put to.

    Attributes:
        name: Without the prefix.
        draw: Gives the next value.
        counter: PV that counts the puts which have completed, instead of a value that stays.
    """

    name: str
    draw: Draw
    counter: str = ""


def between(low: float, high: float, digits: int = 3) -> Draw:
    return lambda random: round(random.uniform(low, high), digits)


def either(*values: float) -> Draw:
    return lambda random: random.choice(values)


def setting(name: str, low: float, high: float, digits: int = 3) -> Target:
    return Target(name, between(low, high, digits))


@dataclass(frozen=True)
class Machine:
    """What one IOC is tried with.

    Attributes:
        name: Of the IOC.
        clients: What each client puts to.
    """

    name: str
    clients: Sequence[Sequence[Target]]


_HALOSCOPE_SETTINGS = [
    setting("VNA:Center", 1090.0, 1110.0),
    Target("VNA:Averages", lambda random: random.randint(1, 999)),
    setting("LO:Frequency", 1080.0, 1099.0),
    setting("Fridge:MXC_RBV.HIGH", 0.03, 0.05),
    setting("Rod.TWV", 0.01, 1.0),
    Target("Switch", either(0, 1, 2)),
]
_MAGNET = [setting("Magnet:Field", 11.0, 12.0), setting("Magnet:RampRate", 0.01, 0.08)]
_DIGITIZER = [
    Target("DAQ:NumAverages", lambda random: random.randint(10, 60)),
    Target("DAQ:Acquire", either(1), counter="DAQ:Counter_RBV"),
]
HALOSCOPE = Machine(
    "haloscope",
    [
        _HALOSCOPE_SETTINGS,
        [setting("Rod", 20.0, 40.0)],
        [setting("Antenna", 2.0, 8.0)],
        _MAGNET,
        _DIGITIZER,
    ],
)
# Nothing is digitized while something moves, and the motors above nearly always do.
HALOSCOPE_DIGITIZING = Machine("haloscope", [_HALOSCOPE_SETTINGS, _MAGNET, _DIGITIZER])
AMRR_RAMPS = Machine(
    "amrr",
    [
        [
            setting("CHX:Temp", 0.5, 1.5),
            setting("Cycle:FlowTime", 50.0, 90.0, 1),
            setting("CHX:Temp_RBV.HIHI", 2.0, 4.0),
            setting("PumpB:VoltageLimit", 1.0, 5.0),
        ],
        [setting("CHX:HeaterPower", 100.0, 900.0)],
        [setting("PumpA:Field", 0.0, 0.4), setting("PumpA:RampRate", 0.1, 0.28)],
        [setting("RegenA:Current", 0.0, 1.0)],
    ],
)
AMRR_CYCLE = Machine(
    "amrr",
    [
        [setting("CHX:Temp", 0.5, 1.5), setting("Cycle:HoldTime", 5.0, 15.0, 1)],
        [setting("CHX:HeaterPower", 100.0, 900.0)],
        [Target("Cycle:Run", either(0, 1))],
    ],
)


@dataclass
class Noted:
    """What one client has put to one PV.

    Attributes:
        stood: The last that was acknowledged; before the first, what the IOC said. None until it
            has been asked.
        open: What was put after that, and not answered.
        completed: How many puts were acknowledged.
        under_way: Whether one of an earlier life was not answered, nor counted when that was looked
            at: what was begun goes on in the next life, and is counted when it ends.
    """

    stood: float | None = None
    open: float | None = None
    completed: int = 0
    under_way: bool = False


@dataclass
class Tally:
    """What was counted over all rounds.

    Attributes:
        rounds: Kills.
        acknowledged: Puts.
        refused: Puts.
        forbidden: Of those, by the access rules: nothing was tried with them.
        under_way: Puts that were not answered when the IOC was killed.
        lost: In words.
    """

    rounds: int = 0
    acknowledged: int = 0
    refused: int = 0
    forbidden: int = 0
    under_way: int = 0
    lost: list[str] = field(default_factory=list)


class Killing:
    """Rounds of one machine over one folder of state.

    Args:
        machine: What is put to.
        start: Starts an IOC.
        folder: Where it keeps its state.
        seed: Decides what is put, and when it is killed.
        speeds: Simulated seconds per second, one of them in each round.
        longest_s: A round lasts up to so long before the kill.
    """

    def __init__(
        self,
        machine: Machine,
        start: Callable[[LaunchedIoc], RunningIoc],
        folder: Path,
        seed: int,
        *,
        speeds: Sequence[float] = (0, 1, 30),
        longest_s: float = 8.0,
    ) -> None:
        self.machine = machine
        self.folder = folder
        self.tally = Tally()
        self.longest_s = longest_s
        self._start = start
        self._speeds = speeds
        self._random = random.Random(seed)
        self.prefix = f"K{seed}:"
        self._noted = {target: Noted() for targets in machine.clients for target in targets}

    def round(self, end: Callable[[RunningIoc], None]) -> None:
        """Start, see whether all is there, put, kill.

        Args:
            end: Tidies up after the process that was killed.
        """
        running = self._start(self.ioc(self._random.choice(self._speeds)))
        try:
            self.check(running.port)
            clients = [self._client(running.port, targets) for targets in self.machine.clients]
            enough = threading.Event()
            enough.wait(self._random.uniform(0.05, self.longest_s))
            os.kill(running.process.pid, signal.SIGKILL)
            for client in clients:
                client.join()
        finally:
            end(running)
        self.tally.rounds += 1

    def ioc(self, speed: float = 1.0) -> LaunchedIoc:
        """The IOC of this machine over its folder."""
        arguments = ("--prefix", self.prefix, "--speed", str(speed))
        return LaunchedIoc(
            self.machine.name, arguments=(*arguments, "--state-dir", str(self.folder))
        )

    def check(self, port: int) -> None:
        """Compare what the IOC says with what it had acknowledged."""
        with RawClient(port) as client:
            for target, noted in self._noted.items():
                said = _get(client, self.prefix + (target.counter or target.name))
                if target.counter:
                    begun = noted.under_way or noted.open is not None  # one at a time
                    fits = said in (noted.completed, noted.completed + begun)
                    noted.under_way = begun and said == noted.completed
                    noted.completed, wanted = int(said), noted.completed
                else:
                    allowed = [v for v in (noted.stood, noted.open) if v is not None]
                    fits = not allowed or any(math.isclose(said, v, rel_tol=1e-9) for v in allowed)
                    wanted, noted.stood = noted.stood, said
                self.tally.under_way += noted.open is not None
                noted.open = None
                if not fits:
                    line = f"round {self.tally.rounds}: {target.name} {wanted} is {said}"
                    self.tally.lost.append(line)

    def _client(self, port: int, targets: Sequence[Target]) -> threading.Thread:
        thread = threading.Thread(target=self._put, args=(port, targets, self._random.random()))
        thread.start()
        return thread

    @staticmethod
    def client(port: int) -> RawClient:
        """A client that may change alarm limits, too: the one who started the IOC."""
        return RawClient(port, PUT_TIMEOUT_S, user=own_user().encode())

    def _put(self, port: int, targets: Sequence[Target], seed: float) -> None:
        """Put until the IOC is gone."""
        chance = random.Random(seed)
        try:
            with self.client(port) as client:
                sids = [
                    client.open(self.prefix + target.name, n) for n, target in enumerate(targets)
                ]
                while True:
                    number = chance.randrange(len(targets))
                    self.put_once(client, sids[number], targets[number], chance)
        except OSError:
            return

    def put_once(self, client: RawClient, sid: int, target: Target, chance: random.Random) -> None:
        """Put and note how it ended; raises ``OSError`` when the IOC goes before it answers."""
        noted = self._noted[target]
        value = target.draw(chance)
        noted.open = value
        reply = client.put(sid, DOUBLE, _VALUE.pack(value))
        noted.open = None
        if reply.command == WRITE_NOTIFY and reply.first == ECA_NORMAL:
            noted.stood = value
            noted.completed += 1
            self.tally.acknowledged += 1
        else:
            self.tally.refused += 1
            self.tally.forbidden += reply.second == ECA_NOWTACCESS


def _get(client: RawClient, name: str) -> float:
    reply = client.get(client.open(name), DOUBLE)
    return float(_VALUE.unpack(reply.payload)[0])
