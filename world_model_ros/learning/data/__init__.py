"""Training data: bags aligned into a cache, a report on their quality, and batches drawn from it."""
