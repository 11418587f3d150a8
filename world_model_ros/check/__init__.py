"""Whether a robot, a recording or a contract fits, and what to change where it does not."""
