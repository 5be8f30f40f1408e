"""A task's trunk: a CNN of timm with weights to start from and attention after its stages, as a recipe's fields choose them."""
