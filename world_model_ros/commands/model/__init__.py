"""Commands that make model bundles: train, export, upgrade-bundle."""
