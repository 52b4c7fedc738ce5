"""
Which day does a fund's flow mean?
==================================

Under the right label, flows are whole baskets at the fund's net asset value; here of a made-up fund.
"""

import gammaflow as gf

week = gf.studies.event.read_week()
nav = gf.evidence.etf_flows.net_asset_values(week.bars)
gf.evidence.etf_flows.label_day(week.flows, nav).plot()
