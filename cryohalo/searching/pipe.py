"""The session's end of the process of the online analysis: documents in, answers out."""

from __future__ import annotations

import contextlib
import logging
import math
import queue
import socket
import subprocess
import sys
import threading
import time
from multiprocessing.connection import Connection
from typing import Any, Final

from cryohalo.searching.worker import Begin

__all__ = ["LostError", "Worker"]

#: Documents that wait to be taken: beyond that whoever gives one waits.
WAITING: Final = 32
#: How long it may take to end once nothing more comes.
_END_S: Final = 20.0
#: It says every second that it is there, busy or not. After so long without a word it hangs, as one
#: does that was stopped; it may take long to start on a machine that is out of memory.
_SILENT_S: Final = 60.0
#: Looked at once more: where this process was stopped meanwhile, what it said may lie unread; where
#: both were, as in a container that is paused, it is yet to say something.
_UNREAD_S: Final = 5.0


class LostError(RuntimeError):
    """The process is gone."""


class Worker:
    """A process that analyses what it is given in its order.

    It is in a process group of its own, so that Ctrl-C at the terminal is the session's alone, and
    ends when this process does, however that comes about. One that hangs is killed, and lost. Ask
    it from one thread.

    Args:
        begin: What it is to do.

    Attributes:
        process: It.
    """

    def __init__(self, begin: Begin) -> None:
        here, there = socket.socketpair()
        with there:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "cryohalo.searching.worker", str(there.fileno())],
                pass_fds=[there.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                process_group=0,
            )
        self._there = Connection(here.detach())
        self._waiting: queue.Queue[Any] = queue.Queue(WAITING)
        self._answers: queue.SimpleQueue[tuple[str, Any]] = queue.SimpleQueue()
        self._lost = threading.Event()
        self._hung = False
        self._threads = [
            threading.Thread(target=work, daemon=True, name=f"analysis: {work.__name__[1:]}")
            for work in (self._send, self._receive)
        ]
        self._waiting.put(begin)
        for thread in self._threads:
            thread.start()

    @property
    def lost(self) -> bool:
        """Whether it is gone."""
        return self._lost.is_set()

    def give(self, message: Any, within_s: float = math.inf) -> None:
        """Send it something; waits while too much waits already.

        Raises:
            LostError: It is gone.
            TimeoutError: As much waits still.
        """
        until_s = time.monotonic() + within_s
        while not self.lost:
            try:
                self._waiting.put(message, timeout=min(within_s, 1.0))
            except queue.Full:
                if time.monotonic() < until_s:
                    continue
                raise TimeoutError(f"nothing was taken for {within_s:g} s") from None
            return
        raise LostError(self.words)

    def ask(self, what: str, *given: Any, **more: Any) -> Any:
        """What it answers, after all that it was given before.

        Raises:
            LostError: It is gone.
            ValueError: What the analysis raised.
        """
        self.give((what, given, more))
        said, value = self._answers.get()
        if said == "lost":
            raise LostError(self.words)
        if said == "raised":
            raise value
        return value

    @property
    def words(self) -> str:
        """How it ended."""
        if self._hung:
            return f"nothing was heard of it for {_SILENT_S:g} s"
        try:
            return f"it ended with code {self.process.wait(1.0)}"
        except subprocess.TimeoutExpired:
            return "it does not take what it is sent"

    def close(self) -> None:
        """Let it take what waits, and end it, if need be without that."""
        with contextlib.suppress(LostError, TimeoutError):
            self.give(None, _END_S)
        try:
            self.process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        for thread in self._threads:
            thread.join(_END_S)
        self._there.close()

    def _send(self) -> None:
        try:
            while (message := self._waiting.get()) is not None:
                self._there.send(message)
            # No more will come; what it still says is heard.
            with socket.fromfd(self._there.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as end:
                end.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it is gone, which the other thread hears
        except Exception:  # what no other process can be given
            logging.getLogger("cryohalo.searching").exception("not sent to the analysis")
            self.process.kill()

    def _receive(self) -> None:
        try:
            while True:
                if not (self._there.poll(_SILENT_S) or self._there.poll(_UNREAD_S)):
                    self._hung = True
                    self.process.kill()
                said, *rest = self._there.recv()
                if said == "log":
                    name, level, words = rest
                    logging.getLogger(name).log(level, "%s", words)
                elif said != "there":
                    self._answers.put((said, rest[0]))
        except (EOFError, OSError):
            pass
        finally:
            self._lost.set()
            self._answers.put(("lost", None))
            with contextlib.suppress(queue.Full):  # then the other thread hears of it as it sends
                self._waiting.put_nowait(None)
