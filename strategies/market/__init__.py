"""Market data: candles, where they come from, and the calendar they live on."""
