"""The inputs that the catalog's fuzzer begins with, and some thousand made of two of them each."""

from __future__ import annotations

import random
from pathlib import Path

from tests.fuzz.catalog_input import Reader, seeds

INPUTS = 3000


def test_inputs_made_of_two_are_read_or_refused(tmp_path: Path) -> None:
    named = {name: data for name, data in seeds(tmp_path).items() if len(data) < 10_000}
    reader = Reader(tmp_path)
    outcome = {name: reader.read(data) for name, data in named.items()}
    assert outcome["good"]
    assert outcome["short"]
    assert not outcome["dtype of objects"]
    inputs, read = list(named.values()), 0
    for number in range(INPUTS):
        dice = random.Random(number)
        first, second = dice.choice(inputs), dice.choice(inputs)
        data = bytearray(first)
        begin, size = dice.randrange(len(data) + 1), dice.randrange(40)
        source = dice.randrange(len(second) + 1)
        data[begin : begin + dice.choice((0, size))] = second[source : source + size]
        if data and number % 3:
            data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        read += reader.read(bytes(data))
    assert read > 0
