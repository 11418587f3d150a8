"""Aligns the messages of a bag: one observation a tick, the action that was applied, and the ticks it recorded."""
