"""How good predictions are, and whether stated regions hold."""
