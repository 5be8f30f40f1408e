"""Model cards for the Hugging Face hub, written from what a model says about itself."""
