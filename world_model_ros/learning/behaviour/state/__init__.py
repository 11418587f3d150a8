"""The state that a chunk model reads: its columns, and how streams become one."""
