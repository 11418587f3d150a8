"""PyTorch: data set, networks, losses, training, export. Never imported at run time."""
