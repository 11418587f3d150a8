"""The world model in PyTorch."""
