import numpy as np
import pytest

from gammaflow.errors import SchemaError
from gammaflow.pricing.note.terms import NoteTerms


def test_scalars_hold_for_every_date_and_arrays_are_read_only_copies():
    times = np.array([0.25, 0.5, 1.0])
    terms = NoteTerms(times, look=True, barrier=70.0, call_level=[100.0, np.inf, np.inf], coupon_level=0.0)
    times[0] = 0.1
    assert terms.times.tolist() == [0.25, 0.5, 1.0]
    assert len(terms) == 3
    assert terms.maturity == 1.0
    assert terms.look.tolist() == [True] * 3
    assert terms.coupon_level.tolist() == [0.0] * 3
    assert terms.call_pays.tolist() == [0.0] * 3
    for name in (
        "times",
        "look",
        "call_level",
        "call_pays",
        "coupon_level",
        "coupon",
        "edges",
        "intact",
        "hit",
    ):
        assert not getattr(terms, name).flags.writeable, name


def test_defaults_are_a_bond():
    terms = NoteTerms([2.0])
    assert (terms.barrier, terms.continuous, terms.memory, terms.missed, terms.knocked) == (0, 0, 0, 0, 0)
    assert terms.intact.tolist() == terms.hit.tolist() == [[1.0, 0.0]]


WRONG = {
    "increasing": ({"times": [0.5, 0.25]}, "times: received"),
    "positive": ({"times": [0.0, 0.25]}, "times: received"),
    "finite": ({"times": [0.5, np.inf]}, "times: received"),
    "one row": ({"times": [[0.5]]}, "times: received"),
    "text": ({"times": "soon"}, "times: received 'soon'; it must hold numbers"),
    "none": ({"times": []}, "times: no date is left"),
    "close": ({"times": [0.5, 0.5 + 1e-8]}, "times: two dates are 1e-08 years apart"),
    "edges": (
        {"edges": [100.0, 90.0], "intact": np.zeros((3, 2)), "hit": np.zeros((3, 2))},
        "edges: received",
    ),
    "look": ({"look": 1}, "look: received 1; it must be True or False for each date"),
    "looks": ({"look": [True]}, r"look: received shape \(1,\); pass one flag, or one for each of 2 dates"),
    "continuous": ({"continuous": "yes"}, "continuous: received 'yes'; it must be True or False"),
    "memory": ({"memory": 1.0}, "memory: received"),
    "knocked": ({"knocked": None}, "knocked: received None"),
    "barrier": ({"barrier": -1.0}, "barrier: received -1.0; barrier must be >= 0"),
    "missed": ({"memory": True, "missed": np.nan}, "missed: received nan"),
    "no memory": ({"missed": 0.05}, "missed: received 0.05, but without memory"),
    "level": ({"call_level": [-5.0, np.nan]}, "call_level: received -5.0 for 2 dates"),
    "levels": ({"coupon_level": [1.0, 2.0, 3.0]}, r"coupon_level: received shape \(3,\)"),
    "pays": ({"call_pays": np.inf}, "call_pays: received inf for 1 dates; it must be finite"),
    "coupon": ({"coupon": 0.02}, "coupon: 2 dates have a coupon but an infinite coupon_level"),
    "intact": ({"intact": [[1.0, 0.0]] * 2}, r"intact: received shape \(2, 2\); it must be 1 rows"),
    "hit": ({"hit": [1.0, 0.0]}, r"hit: received shape \(2,\)"),
    "hits": ({"hit": [[1.0, np.nan]]}, "hit: received shape"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_not_legal_is_refused(case):
    given, message = WRONG[case]
    with pytest.raises(SchemaError, match=message):
        NoteTerms(**{"times": [0.5, 1.0], **given})


def test_every_problem_is_named_at_once():
    with pytest.raises(SchemaError) as error:
        NoteTerms([2.0, 1.0], look=3, barrier=-1.0, call_level=np.nan, edges=[-5.0], hit=[1.0])
    lines = str(error.value).splitlines()
    assert lines[0] == "note terms not accepted:"
    assert [line.split(":")[0] for line in lines[1:]] == [
        "  - times", "  - edges", "  - look", "  - barrier", "  - call_level", "  - hit"
    ]  # fmt: skip
