"""Data: images, transforms, sources, and the people that are generated so that everything runs without a download."""
