"""Every number that describes the refrigerator: ``machine`` has them together."""

from amrr.parameters.beds import PumpParameters, RegeneratorParameters
from amrr.parameters.coil import CoilParameters
from amrr.parameters.machine import (
    CycleParameters,
    RefrigeratorParameters,
    StageParameters,
    ThermometryParameters,
)
from amrr.parameters.operation import OperationParameters
from amrr.parameters.path import DetectorParameters, ExchangerParameters, LineParameters

__all__ = [
    "CoilParameters",
    "CycleParameters",
    "DetectorParameters",
    "ExchangerParameters",
    "LineParameters",
    "OperationParameters",
    "PumpParameters",
    "RefrigeratorParameters",
    "RegeneratorParameters",
    "StageParameters",
    "ThermometryParameters",
]
