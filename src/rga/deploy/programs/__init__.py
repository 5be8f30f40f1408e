"""Models as the files that one program expects: their names, their preprocessing, their layout. Each is compared with the model first."""
