"""
Gamma by strike
===============

Gamma at spot of each strike's calls and puts, under a rule for their sign.
"""

import gammaflow as gf

gf.aggregate_exposure(gf.assign_positions(gf.demo_chain())).plot()
