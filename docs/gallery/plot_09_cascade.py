"""
Where a sale lands
==================

Landing price against the size of a sale, hedges included.
"""

import numpy as np

import gammaflow as gf

book = gf.assign_positions(gf.demo_chain())
gf.cascade_curve(book, np.linspace(-3e9, 1e9, 41), impact=gf.impact.linear(294e6, source="Citi")).plot()
