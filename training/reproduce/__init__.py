"""The papers' experiments, one command for each paper, with our figures beside the published ones."""
