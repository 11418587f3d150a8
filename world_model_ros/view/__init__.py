"""Drawing of futures: strips, markers as data."""
