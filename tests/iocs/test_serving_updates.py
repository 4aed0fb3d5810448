"""A monitor's bytes are the ones that caproto's own response would have."""

import asyncio
import struct

import caproto as ca
import numpy as np
import pytest

from iocs.serving.inbound import Inbound
from iocs.serving.updates import Update, cut_text

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
    ours = Update(metadata, values).message(int(data_type), 0, 100_000, 77)
    assert ours == message_of(theirs)


def test_what_is_asked_for_beyond_the_value_is_zero():
    data_type, metadata, values = read(CHANNELS["doubles"], "native")
    message = Update(metadata, values).message(int(data_type), 7, 8, 1)
    assert struct.unpack(">7d", message[16:]) == (0, 1, 2, 3, 4, 0, 0)


def test_nobody_gets_more_than_the_channel_can_hold():
    data_type, metadata, values = read(CHANNELS["doubles"], "native")
    message = Update(metadata, values).message(int(data_type), 2**31, 8, 1)
    assert len(message) == 16 + 5 * 8


def test_a_part_of_an_array():
    data_type, metadata, values = read(CHANNELS["doubles"], "native")
    message = Update(metadata, values).message(int(data_type), 2, 8, 1)
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
    return Inbound(ca.VirtualCircuit(ca.SERVER, ("here", 1), None), 10_000)


def test_commands_arrive_in_pieces(inbound):
    message = bytes(ca.VersionRequest(0, 13)) + bytes(ca.EchoRequest())
    got = [command for byte in message for command in inbound.take(bytes([byte]))[0]]
    assert [type(command) for command in got] == [ca.VersionRequest, ca.EchoRequest]
    assert inbound.partial_since is None


def test_half_a_message_is_noticed_and_can_be_dropped(inbound):
    inbound.take(bytes(ca.VersionRequest(0, 13))[:7])
    assert inbound.partial_since is not None
    inbound.drop()
    assert inbound.partial_since is None


def test_an_oversized_message_is_named_and_its_rest_thrown_away(inbound):
    header = struct.pack(">HHHHIIII", 4, 0xFFFF, 6, 0, 33, 1, 50_000, 6250)
    commands, oversized = inbound.take(header + b"\0" * 100)
    assert (commands, oversized.channel_number) == ([], 33)
    assert oversized.size == 50_024
    assert inbound.take(b"\0" * 40_000) == ([], None)
    commands, _ = inbound.take(b"\0" * 9_900 + bytes(ca.EchoRequest()))
    assert [type(command) for command in commands] == [ca.EchoRequest]


def test_another_protocol_is_recognised_by_its_first_bytes(inbound):
    with pytest.raises(ca.RemoteProtocolError, match="no Channel Access"):
        inbound.take(b"GET / HTTP/1.1\r\n\r\n")
