"""What Sphinx learns for this project; ``conf.py`` names the modules."""
