"""Cells: a fleet in parts that are small enough to be searched."""

from collections.abc import Iterator

from helios_core.allocation.ledger import Ledger

CELL_CARDS = 16
"""Up to so many cards are solved as a whole; more in cells of so many."""


def cells_of(ledger: Ledger) -> Iterator[list[int]]:
    """The cards in groups of whole hosts, as many to a group as make 16 cards at most, one host at least."""
    cell: list[int] = []
    for host in ledger.hosts:
        cards = [card.position for card in host.cards]
        if cell and len(cell) + len(cards) > CELL_CARDS:
            yield cell
            cell = []
        cell = cell + cards
    if cell:
        yield cell
