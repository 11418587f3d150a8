"""Futures of given actions: rolled out by the model, judged as candidates, and steered one tick after the other."""
