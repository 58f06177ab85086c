"""Features: named, causal columns made of candles; NaN while warming up."""
