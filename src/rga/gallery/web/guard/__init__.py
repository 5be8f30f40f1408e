"""What stands before the page and the API: who may come in, from where, how often and with how much."""
