"""`python -m helios_core`: the same as `helios`."""

from helios_core.cli import main

main()
