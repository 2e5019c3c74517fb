"""A model server that makes its answers up, so that a team can be watched at work where there is no model."""
