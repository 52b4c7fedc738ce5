"""
What made a fall of 13 %?
=========================

Pairs of depth and sale that give the fall of 5 February 2026 with the book's hedging.
"""

import gammaflow as gf

gf.studies.event.fit_event(gf.assign_positions(gf.demo_chain())).plot()
