"""What stands on the table, drawn from seeds."""
