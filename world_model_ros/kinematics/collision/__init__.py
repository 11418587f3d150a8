"""How far a robot's parts are from each other and from what stands around it (Coal)."""
