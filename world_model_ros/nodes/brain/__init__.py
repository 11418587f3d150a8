"""The brain's lifecycle node and its parts."""
