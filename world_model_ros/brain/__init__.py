"""The brain: its tick as a pure function, what it remembers between ticks, and futures that it imagines."""
