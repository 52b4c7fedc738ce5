"""Loop gain: hedging and liquidation flow per 1 % move over the flow that moves price by 1 %."""
