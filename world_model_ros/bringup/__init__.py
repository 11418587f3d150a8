"""The list of processes and parameters that both the launch files and the pip demo read."""
