"""Plays whole trajectories, as MoveIt's, as rolling commands of a source of the gate."""
