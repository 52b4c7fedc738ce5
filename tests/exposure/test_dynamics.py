import pytest

from gammaflow import dynamics
from gammaflow.errors import SchemaError


def test_names_and_objects_are_found():
    for name, how in dynamics.DYNAMICS.items():
        assert dynamics.find_dynamics(name) is how
        assert str(how) == name
    beta = dynamics.spot_vol_beta(-2.5)
    assert dynamics.find_dynamics(beta) is beta
    assert beta.beta == -2.5


def test_what_moves_and_what_needs_a_smile():
    assert not dynamics.STICKY_STRIKE.moves
    assert dynamics.STICKY_MONEYNESS.needs_smile
    assert dynamics.skew_stickiness(0.0).needs_smile
    assert dynamics.spot_vol_beta(-1).moves
    assert not dynamics.spot_vol_beta(-1).needs_smile
    assert not dynamics.spot_vol_beta(0).moves


@pytest.mark.parametrize("make", [dynamics.skew_stickiness, dynamics.spot_vol_beta])
@pytest.mark.parametrize("value", ["x", None, float("nan"), float("inf")])
def test_illegal_parameters_are_refused(make, value):
    with pytest.raises(SchemaError, match="must be"):
        make(value)


@pytest.mark.parametrize("given", ["sticky", None, 3])
def test_unknown_dynamics_are_refused(given):
    with pytest.raises(SchemaError, match="legal: 'sticky_strike', 'sticky_moneyness', 'sticky_delta', skew"):
        dynamics.find_dynamics(given)
