"""Tasks in closed loop, and how often they are reached."""
