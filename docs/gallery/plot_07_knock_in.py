"""
The cliff of a knock-in
=======================

Delta of a down-and-in put around its barrier, as time runs out.
"""

from gammaflow.studies import barriers

barriers.cliff("down-in", "p", 100, 60, 0.04, 0.2).plot()
