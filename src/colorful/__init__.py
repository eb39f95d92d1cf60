"""Colour black-and-white photos."""
