"""URDF to forward and inverse kinematics (Pinocchio)."""
