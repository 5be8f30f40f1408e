"""Detectors of people in whole frames: of torchvision, in a file of ONNX, boxes from a file, OpenCV's. Each is a function of a frame."""
