"""Forward and inverse kinematics of a URDF (Pinocchio), and how far its parts are from each other (Coal)."""
