"""Scenes of simulated robots: objects, light and surroundings drawn from seeds, and the MuJoCo model of them."""
