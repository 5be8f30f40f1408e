"""Models in files of ONNX, run by onnxruntime: the same ``embed``, ``segment`` and ``classify`` without PyTorch.

numpy, Pillow and onnxruntime are all that this package and what it imports need; ``rga.load`` opens such a file.
"""
