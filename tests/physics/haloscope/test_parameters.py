"""The parameter set: provenance, overriding, hash."""

import pytest

from haloscope.parameters import HaloscopeParameters


def test_every_value_states_its_origin():
    provenance = HaloscopeParameters.capp12tb().provenance()
    assert len(provenance) > 80
    for name, (_, origin) in provenance.items():
        assert origin.kind in {"paper", "derived", "assumed"}, name
        assert origin.note, name


def test_values_of_the_letter():
    parameters = HaloscopeParameters.capp12tb()
    assert parameters.cavity.volume_m3 == 36.85e-3
    assert parameters.magnet.average_field_t == 10.31
    assert parameters.receiver.rest_noise_k == 1.2


def test_a_file_overrides_values_and_origins(tmp_path):
    path = tmp_path / "other.toml"
    path.write_text(
        'name = "Other"\n[cavity]\nvolume_m3 = 1\nte_q = [1, 2]\n'
        '[provenance]\n"cavity.volume_m3" = "paper: somewhere"\n'
    )
    other = HaloscopeParameters.from_toml(path)
    assert other.name == "Other"
    assert other.cavity.volume_m3 == 1.0
    assert other.cavity.te_q == (1.0, 2.0)
    assert other.provenance()["cavity.volume_m3"][1].note == "somewhere"
    assert other.provenance()["cavity.te_q"][1].kind == "file"
    assert other.cavity.form_factor == HaloscopeParameters.capp12tb().cavity.form_factor


def test_the_hash_follows_the_values_alone():
    base = HaloscopeParameters.capp12tb()
    assert base.hash() == HaloscopeParameters.from_mapping({}).hash()
    assert (
        base.hash()
        == HaloscopeParameters.from_mapping({"provenance": {"cavity.volume_m3": "x: y"}}).hash()
    )
    assert (
        base.hash() != HaloscopeParameters.from_mapping({"cavity": {"volume_m3": 0.03686}}).hash()
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"cavty": {}}, "cavty"),
        ({"cavity": {"volume": 1.0}}, r"cavity\.volume"),
        ({"cavity": {"volume_m3": "big"}}, r"cavity\.volume_m3"),
        ({"cavity": {"volume_m3": float("nan")}}, r"cavity\.volume_m3"),
        ({"cavity": {"te_q": 3.0}}, r"cavity\.te_q"),
        ({"provenance": {"cavity.colour": "paper: none"}}, r"cavity\.colour"),
        ({"digitizer": {"bins": 10.5}}, r"digitizer\.bins"),
        ({"cavity": {"volume_m3": -1.0}}, r"cavity\.volume_m3 is -1\.0, must be above 0"),
        ({"receiver": {"comb_spacing_hz": 0.0}}, r"receiver\.comb_spacing_hz"),
        ({"cavity": {"te_q": [1e5]}}, r"te_q have \[2, 2, 1\] values"),
        ({"cavity": 3.0}, r"'cavity' is 3\.0"),
        ({"rod": {"mode_map": 5}}, r"rod\.mode_map is 5, must be a text"),
    ],
)
def test_a_wrong_file_is_refused_by_name(content, message):
    with pytest.raises(ValueError, match=message):
        HaloscopeParameters.from_mapping(content)
