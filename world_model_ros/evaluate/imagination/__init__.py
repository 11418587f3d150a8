"""Imaginations that are steered, beside a simulator."""
