"""A monitor's bytes are the ones that caproto's own response would have."""

import asyncio
import struct

import caproto as ca
import numpy as np
import pytest

from iocs.serving.clients.inbound import Inbound, Oversized
from iocs.serving.clients.readings import ClientChannel, RefusedRequestError, check_kind
from iocs.serving.filtering.filters import NO_FILTERS
from iocs.serving.messages import CaCommand
from iocs.serving.sending.budget import Budget
from iocs.serving.sending.updates import Update, cut_text

CHANNELS = {
    "double": ca.ChannelDouble(value=1.25, units="K", precision=2, upper_disp_limit=4.0),
    "doubles": ca.ChannelDouble(value=np.arange(5.0), max_length=8),
    "spectrum": ca.ChannelDouble(value=np.arange(100_000.0), max_length=100_000),
    "long": ca.ChannelInteger(value=-7),
    "enum": ca.ChannelEnum(value="On", enum_strings=("Off", "On")),
    "string": ca.ChannelString(value="liquid helium"),
    "strings": ca.ChannelString(value=["a", "bc"], max_length=3),
    "bytes": ca.ChannelByte(value=b"\1\2\3", max_length=10),
}
KINDS = ("native", "status", "time", "graphic", "control")


def message_of(response):
    return b"".join(bytes(part) for part in (response.header, *response.buffers))


def read(channel, kind):
    data_type = ca.field_types[kind][channel.data_type]
    metadata, values = asyncio.run(channel.read(data_type))
    return data_type, metadata, values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", CHANNELS)
def test_the_bytes_are_those_of_caproto(name, kind):
    data_type, metadata, values = read(CHANNELS[name], kind)
    count = len(values)
    theirs = ca.EventAddResponse(values, data_type, count, 1, 77, metadata=metadata)
    ours = b"".join(Update(metadata, values).message(int(data_type), 0, 77))
    assert ours == message_of(theirs)


def test_what_is_asked_for_beyond_the_value_is_zero():
    data_type, metadata, values = read(CHANNELS["doubles"], "native")
    message = b"".join(Update(metadata, values).message(int(data_type), 7, 1))
    assert struct.unpack(">7d", message[16:]) == (0, 1, 2, 3, 4, 0, 0)


def test_a_request_for_more_than_there_could_be_is_refused():
    channel = ClientChannel("waveform", 1, 1, CHANNELS["doubles"], NO_FILTERS, long_text=False)
    check_kind(channel, 6, 100, 4000)  # zeros behind the value, as base sends them
    with pytest.raises(RefusedRequestError, match="holds 8 elements, 2147483648 were asked for"):
        check_kind(channel, 6, 2**31, 4000)


def test_a_part_of_an_array():
    data_type, metadata, values = read(CHANNELS["doubles"], "native")
    message = b"".join(Update(metadata, values).message(int(data_type), 2, 1))
    assert struct.unpack(">2d", message[16:]) == (0, 1)


def test_size_is_known_before_it_is_encoded():
    _, metadata, values = read(CHANNELS["spectrum"], "time")
    assert 800_000 <= Update(metadata, values).nbytes < 801_000


@pytest.mark.parametrize(("text", "bytes_"), [("short", 5), ("x" * 39, 39), ("x" * 40, 39)])
def test_texts_are_cut_to_a_dbr_string(text, bytes_):
    assert len(cut_text(text, "utf-8").encode()) == bytes_


def test_a_text_is_not_cut_inside_a_character():
    assert cut_text("ö" * 30, "utf-8") == "ö" * 19


@pytest.fixture
def inbound():
    return Inbound(10_000, Budget(10**9))


def commands(taken):
    return [request.command for request in taken]


def test_requests_arrive_in_pieces(inbound):
    stream = bytes(ca.VersionRequest(0, 13)) + bytes(ca.EchoRequest())
    got = [request for byte in stream for request in inbound.take(bytes([byte]))]
    assert commands(got) == [CaCommand.VERSION, CaCommand.ECHO]
    assert inbound.partial is None


def test_half_a_message_is_noticed_and_can_be_dropped(inbound):
    inbound.take(bytes(ca.VersionRequest(0, 13))[:7])
    assert inbound.partial is not None
    inbound.drop()
    assert inbound.partial is None


@pytest.mark.parametrize("piece", [100, 40_000, 60_000])
def test_an_oversized_message_is_named_and_its_rest_thrown_away(inbound, piece):
    header = struct.pack(">HHHHIIII", 4, 0xFFFF, 6, 0, 33, 1, 50_000, 6250)
    stream = header + b"\0" * 50_000 + bytes(ca.EchoRequest())
    pieces = [stream[i : i + piece] for i in range(0, len(stream), piece)]
    oversized, *others = [taken for data in pieces for taken in inbound.take(data)]
    assert isinstance(oversized, Oversized)
    assert (oversized.request.first, oversized.size) == (33, 50_024)
    assert commands(others) == [CaCommand.ECHO]


@pytest.mark.parametrize(
    ("nonsense", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "18245 is no request of Channel Access"),
        (struct.pack(">HHHHII", 15, 5, 6, 1, 1, 1) + b"12345", "5 bytes, not a multiple of 8"),
        (struct.pack(">HHHHII", 22, 0, 0, 0, 1, 3), "22 is no request"),
    ],
)
def test_what_came_before_nonsense_is_taken_and_nothing_after_it(inbound, nonsense, reason):
    echo = bytes(ca.EchoRequest())
    assert commands(inbound.take(echo + nonsense + echo)) == [CaCommand.ECHO]
    assert reason in inbound.unreadable.reason
    assert inbound.take(echo) == []
    assert inbound.partial is None
