"""Speech of any length, passage by passage, on top of the engine."""
