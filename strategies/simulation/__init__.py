"""From a position to equity, fills and round trips, checked against themselves."""
