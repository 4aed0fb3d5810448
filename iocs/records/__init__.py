"""The records layer: the PV database on the wire, served by caproto without its traps.

The rules that hold for every PV built here (each has its test in ``tests/iocs``):

1. Each PV has an alarm of its own.
2. All four alarm limits are set, infinite where there is none, so that none raises a false alarm.
3. Readbacks have display limits only; control limits belong to setpoints. No reading that fails
   stops the server.
4. Fields show the true values; ``.MDEL .ADEL .HYST`` act; unchanged values are not posted.
5. Motors complete their puts when the move ends (``pvdb.parts.motor``).
6. A put is checked before anything moves; refused, it moves nothing and says so; committed, it
   completes after the readback is true. A second put supersedes, joins or is refused, as the record
   states (``OnBusy``).
7. Subscriptions to waveforms keep a short queue.
"""

from iocs.records.database import Access, Database, Put
from pvdb.live.puts import Superseded

__all__ = ["Access", "Database", "Put", "Superseded"]
