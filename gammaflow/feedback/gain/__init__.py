"""Loop gain: currency that dealers must trade per 1 % over the currency that moves price by 1 %."""
