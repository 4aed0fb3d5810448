"""Every number that describes the refrigerator: ``machine`` has them together."""

from amrr.parameters.beds import PumpParameters, RegeneratorParameters
from amrr.parameters.coil import CoilParameters
from amrr.parameters.machine import (
    STRONG_CYCLE,
    CycleParameters,
    RefrigeratorParameters,
    StageParameters,
    ThermometryParameters,
)
from amrr.parameters.operation import OperationParameters
from amrr.parameters.path import DetectorParameters, ExchangerParameters, LineParameters

__all__ = [
    "STRONG_CYCLE",
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
