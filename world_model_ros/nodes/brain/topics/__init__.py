"""Topics of the brain's node: what comes in, and what goes out."""
