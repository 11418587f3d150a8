"""Goals as plain values, and as JSON."""
