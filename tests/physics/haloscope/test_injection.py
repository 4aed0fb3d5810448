"""The blind injection and its envelope."""

import hashlib
import json

import pytest

from haloscope.apparatus.injection import envelope, envelope_hash, hidden_line, open_envelope


def test_the_seed_alone_decides_the_frequency():
    line = hidden_line(5, 1.09e9, 1.11e9, 6.7e-16)
    assert line == hidden_line(5, 1.09e9, 1.11e9, 6.7e-16)
    assert line.frequency_hz == hidden_line(5, 1.09e9, 1.11e9, 1e-15).frequency_hz
    assert line.frequency_hz != hidden_line(6, 1.09e9, 1.11e9, 6.7e-16).frequency_hz
    assert all(
        1.09e9 < hidden_line(s, 1.09e9, 1.11e9, 1e-15).frequency_hz < 1.11e9 for s in range(50)
    )


def test_the_envelope_opens_to_what_was_sealed():
    line = hidden_line(5, 1.09e9, 1.11e9, 6.7e-16)
    text = envelope(line, 5)
    assert open_envelope(text, envelope_hash(text)) == line
    assert json.loads(text)["axion_line"]["coupling_per_gev"] == 6.7e-16


def test_a_changed_envelope_is_noticed():
    line = hidden_line(5, 1.09e9, 1.11e9, 6.7e-16)
    published = envelope_hash(envelope(line, 5))
    with pytest.raises(ValueError, match="published"):
        open_envelope(envelope(hidden_line(6, 1.09e9, 1.11e9, 6.7e-16), 5), published)


def test_the_same_line_under_another_seed_has_another_hash():
    line = hidden_line(5, 1.09e9, 1.11e9, 6.7e-16)
    assert envelope_hash(envelope(line, 5)) != envelope_hash(envelope(line, 7))


@pytest.mark.parametrize(("low", "high"), [(1.1e9, 1.0e9), (0.0, 1e9), (float("nan"), 1e9)])
def test_an_empty_interval_is_refused(low, high):
    with pytest.raises(ValueError, match="not an interval"):
        hidden_line(1, low, high, 1e-15)


def test_an_empty_envelope_says_so() -> None:
    text = envelope(None, 5)
    assert open_envelope(text, envelope_hash(text)) is None


def test_the_hash_is_sha256_of_the_text_and_the_text_says_that_it_is_not_blind() -> None:
    text = envelope(None, 5)
    assert envelope_hash(text) == hashlib.sha256(text.encode("ascii")).hexdigest()
    assert json.loads(text)["blind"] is False


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", "5", '{"axion_line": 5}', '{"axion_line": {"x": 1}}', "[" * 100_000,
     '{"axion_line": {"frequency_hz": "high", "coupling_per_gev": 1e-15}}',
     '{"axion_line": {"frequency_hz": NaN, "coupling_per_gev": 1e-15}}'],
)  # fmt: skip
def test_what_is_no_envelope_is_refused_though_its_hash_is_right(text: str) -> None:
    with pytest.raises(ValueError):
        open_envelope(text, envelope_hash(text))
