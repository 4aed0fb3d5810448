"""A small IOC with nothing but the serving layer under test; run by path, as a process."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from caproto import ChannelType
from caproto.server import PVGroup, pvproperty

from iocs.serving import Server, add_arguments, options_from, serve


class Toy(PVGroup):
    Value = pvproperty(value=1.0, precision=3, doc="a scalar", alarm_group="value")
    Limited = pvproperty(
        value=0.5, lower_ctrl_limit=0.0, upper_ctrl_limit=1.0, precision=3, alarm_group="limited"
    )
    Text = pvproperty(value="hello", dtype=ChannelType.STRING, alarm_group="text")
    Switch = pvproperty(
        value="Off", enum_strings=("Off", "On"), dtype=ChannelType.ENUM, alarm_group="switch"
    )
    Wave = pvproperty(value=np.zeros(100_000), dtype=float, max_length=100_000, alarm_group="wave")
    Count = pvproperty(value=0, alarm_group="count")
    Flood = pvproperty(value=0, alarm_group="flood")
    Stop = pvproperty(value=0, alarm_group="stop")


def main() -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    parser.add_argument("--prefix", default="toy:")
    parser.add_argument("--saved", type=Path)
    arguments = parser.parse_args()
    group = Toy(prefix=arguments.prefix)

    async def save(server: Server) -> None:
        if arguments.saved:
            arguments.saved.write_text(f"{group.Value.value}")

    return serve(group.pvdb, options_from(arguments, "toy"), shutdown=save)


if __name__ == "__main__":
    sys.exit(main())
