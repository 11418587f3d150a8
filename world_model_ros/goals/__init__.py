"""What a goal asks of each target at this tick."""
