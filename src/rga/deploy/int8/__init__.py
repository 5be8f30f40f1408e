"""Models in 8-bit integers: calibrated on images of a training, measured on those of a test, and not written where that costs too much."""
