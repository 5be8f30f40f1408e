"""Arrays for every public function, compared with naive loops."""
