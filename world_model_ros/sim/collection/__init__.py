"""Hand-made policies that gather episodes."""
