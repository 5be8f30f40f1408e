"""Detectors of people in frames: of torchvision, of ours, in a file of ONNX, boxes from a file, OpenCV's. Each is a function of a frame."""
