"""Turns what a person does with a gamepad, a SpaceMouse, a keyboard or a leader arm into commands of a source."""
