"""Model bundle, ONNX Runtime sessions and the brain's tick."""
