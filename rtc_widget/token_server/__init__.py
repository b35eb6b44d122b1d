"""A token endpoint: client secrets for pages outside the notebook, and for nobody else."""
