"""The one YAML file a robot needs, read into frozen, fully validated objects."""
