"""Parts of a contract's deployment: the gate, goals, the robot's driver, and pairs that may touch."""
