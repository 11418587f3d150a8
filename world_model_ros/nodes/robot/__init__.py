"""The simulated robot, the demo's judge, and checks of a robot that runs."""
