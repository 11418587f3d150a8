"""The gate, which judges and limits every command before a controller gets it: state machine, rules, limiter."""
