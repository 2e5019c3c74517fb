"""Figures about answers, as formulae: who agrees, how many votes that is, who wrote what, whom to believe.

Pure functions, each with its source; they know no database and no model.
"""
