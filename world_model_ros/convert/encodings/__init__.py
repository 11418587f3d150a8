"""Bytes and what they stand for: files of pictures, compressed depth (RVL), messages as DDS sends them (CDR)."""
