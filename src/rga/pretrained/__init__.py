"""Models that ship with the package: how they are trained, built and described. Each lies in the folder of its name, for ``rga.load``.

python -m rga.pretrained.train            generates the people and trains; stop it at any time, the same call continues it
python -m rga.pretrained.build            writes the shipped folder from the finished training
python benchmarks/shipped_model.py        compares it with others on real people, for its card
"""
