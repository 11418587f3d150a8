"""Imaginations that a person or a script steers, and a simulator to compare them with."""
