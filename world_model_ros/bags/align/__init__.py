"""Messages of a bag -> one observation a tick."""
