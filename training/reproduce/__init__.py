"""The papers' experiments, run by one command each, with our figures beside the published ones."""
