"""``world-model import-lerobot`` and ``world-model export-lerobot``."""
