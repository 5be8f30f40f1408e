"""Out of the lab: models as files that other programs run, which are compared with the model before they are there."""
