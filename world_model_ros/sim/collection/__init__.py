"""Gathers training episodes of simulated robots that scripted policies move."""
