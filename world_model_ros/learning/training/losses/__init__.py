"""Losses of the world model: of what it predicts, of its pictures, and of an ablation."""
