"""People under several cameras, in the layout of Market-1501.

One file for each part of the picture: body, clothes, patterns, camera, scene.
"""
