"""Values: what every room passes to the next. No I/O, no clock, nothing of ours is imported here."""
