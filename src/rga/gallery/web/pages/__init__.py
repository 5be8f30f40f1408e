"""The pages: each works without JavaScript, and better with it."""
