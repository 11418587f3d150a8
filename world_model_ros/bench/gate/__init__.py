"""Attacks on the gate: invalid commands, faults and random histories; and an independent check of what it sends."""
