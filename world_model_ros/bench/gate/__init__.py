"""The gate under attack."""
