"""
Hedging flow
============

How much dealers must buy or sell as spot moves, by full revaluation.
"""

import gammaflow as gf

gf.flow_around_spot(gf.assign_positions(gf.demo_chain())).plot()
