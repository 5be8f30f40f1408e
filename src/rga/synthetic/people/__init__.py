"""People under several cameras, in the layout of Market-1501.

One file for each part of the image: body, clothes, patterns, camera, scene.
"""
