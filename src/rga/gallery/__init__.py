"""Galleries: sightings of people in a database, enrolled from images and video, and searched by image.

A gallery answers "have we seen this person, where and when?", and says "unknown" where it cannot tell.
"""
