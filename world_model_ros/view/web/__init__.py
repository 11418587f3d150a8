"""Web pages of futures."""
