"""Conditions under which the gate may move: armed, owned by the sender, driver ready, no alarm."""
