"""Put-call parity: forwards, rates and carry from the quotes of a chain."""
