"""A model as a bundle of ONNX graphs, and back."""
