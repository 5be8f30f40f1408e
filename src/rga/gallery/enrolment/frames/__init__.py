"""Frames, in which people are looked for: of a video, or images in a folder."""
