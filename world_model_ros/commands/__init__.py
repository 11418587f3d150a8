"""Subcommands of ``world-model``: each module has ``add_arguments(parser)`` and ``run(arguments) -> exit status``."""
