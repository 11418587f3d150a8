"""The gate: state machine, rules and limiter as plain objects."""
