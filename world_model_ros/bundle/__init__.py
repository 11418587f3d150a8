"""Model bundles: manifest, tensors, verification, ONNX Runtime sessions. ONNX Runtime is imported here only."""
