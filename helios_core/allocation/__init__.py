"""Placement as pure functions: a fleet, requests and rules go in, placements with their reasons come out."""
