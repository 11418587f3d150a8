"""Motion that the gate plans itself: within limits, away from collisions, and back after a contact."""
