"""The brain's tick, a pure function, and what is remembered between ticks."""
