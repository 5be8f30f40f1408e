"""What this installation and this machine can do, as values: packages, devices, weights, the database of galleries.

``rga doctor`` prints them. Nothing here tells secrets: no environment variables, no names of the user's files.
"""
