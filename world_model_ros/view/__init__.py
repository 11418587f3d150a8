"""Draws imagined futures from plain data: pictures, markers in space, and web pages."""
