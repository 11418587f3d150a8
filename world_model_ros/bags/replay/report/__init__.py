"""Report of a replay: a page, its plots, and the imaginations worth drawing."""
