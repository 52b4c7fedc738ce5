"""An instrument that has a price alone: its differences against the closed greeks of digital options."""

import numpy as np
import pytest

from gammaflow.accuracy import Accuracy
from gammaflow.instruments import Scenario
from gammaflow.instruments.digital import DIGITAL
from gammaflow.instruments.priced import Priced
from gammaflow.kernels.digital import digital_rows
from gammaflow.units import POWERS
from support.books import random_book


class PricedDigital(Priced):
    name = "priced digital"

    def price(self, rows, U, years, sigma):
        columns = (rows.flag[:, None], U, rows.strike[:, None], years, rows.rate[:, None], sigma)
        args = [np.broadcast_to(a, U.shape).ravel() for a in (*columns, rows.carry[:, None])]
        out = np.empty((10, U.size))
        digital_rows(*args, out)
        return rows["payout"][:, None] * out[9].reshape(U.shape)


def digital_rows_of_a_book():
    book = random_book(11, 30)
    kinds = np.array([f"digital {kind}" for kind in book["kind"]], dtype=object)
    frame = book.to_frame().drop(columns="origin").assign(kind=kinds, payout=np.linspace(1.0, 30.0, 30))
    return type(book)(frame, "TEST", book.spot, book.asof).parts["digital"]


@pytest.mark.parametrize("moving", [False, True])
def test_differences_are_the_closed_greeks(moving):
    rows = digital_rows_of_a_book()
    spots = 100.0 * np.exp(np.linspace(-0.3, 0.3, 25))
    sigma = rows["sigma"][:, None] * np.exp(-0.3 * np.log(spots / 100.0)) if moving else rows["sigma"]
    at = Scenario(spots, rows.years, sigma)
    found, right = (each.greeks(rows, at, POWERS, Accuracy()) for each in (PricedDigital(), DIGITAL))
    for name in POWERS:
        scale = np.abs(right[name]).max(axis=1, keepdims=True)
        allowed = 1e-3 if name in ("speed", "zomma", "color") else 2e-5
        assert (np.abs(found[name] - right[name]) <= allowed * scale).all(), name


def test_only_what_is_wanted_is_priced():
    rows = digital_rows_of_a_book()
    at = Scenario(np.array([90.0, 100.0]), rows.years, rows["sigma"])
    assert set(PricedDigital().greeks(rows, at, ("gamma",), Accuracy())) == {"gamma"}
    with pytest.raises(NotImplementedError):
        Priced().greeks(rows, at, ("gamma",), Accuracy())
