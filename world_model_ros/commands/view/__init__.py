"""Commands that open a web page: view and imagine."""
