"""Environment variables of EPICS, checked before anything is started.

caproto reads all that it knows at once, clients' and PV Access's too, and raises at the first that
it cannot read.
"""

from __future__ import annotations

import os
import re
from typing import Final

from caproto._utils import CaprotoEnvironmentSetupError, get_environment_variables

from instruments.printable import escaped

__all__ = ["environment_mistake"]

BEACON_PERIOD: Final = "EPICS_CAS_BEACON_PERIOD"
#: Shorter ones would keep the network and the processor busy with nothing else.
BEACON_PERIODS_S: Final = (0.1, 86_400.0)


def environment_mistake() -> str:
    """Which of EPICS' environment variables cannot be used and why, "" if all can."""
    try:
        found = get_environment_variables()
    except CaprotoEnvironmentSetupError as error:
        names = re.findall(r"EPICS_\w+", str(error))
        return " and ".join(f"{_shown(name)}: not a number" for name in names)
    shortest, longest = BEACON_PERIODS_S
    if not shortest <= float(found[BEACON_PERIOD]) <= longest:
        return f"{_shown(BEACON_PERIOD)}: {shortest:g} to {longest:g} s"
    return ""


def _shown(name: str) -> str:
    return f"{name}={escaped(os.environ.get(name, ''))}"
