"""Finds how a camera maps space to pixels and where it is mounted, from pictures of a board and joint states."""
