"""How far people or experts agree: on claims, and in ratings beyond what chance would make of them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import comb, sqrt
from statistics import fmean

MIN_PAIRS_PER_CELL = 2
"""κ is reported from 2 k² pairs on, for k categories (Cicchetti, Applied Psychological Measurement 5, 1981)."""
Z_95 = 1.959964


@dataclass(frozen=True, slots=True)
class Kappa:
    """Cohen's κ with its 95 % interval, from `pairs` things that both have rated."""

    value: float
    low: float
    high: float
    pairs: int


def agreement_on(stances: Sequence[str]) -> float | None:
    """The share of the pairs of experts who take the same stance on a claim; None where fewer than two take one.

    Fleiss, Psychological Bulletin 76 (1971): the observed agreement P_i.
    """
    pairs = comb(len(stances), 2)
    return sum(comb(count, 2) for count in Counter(stances).values()) / pairs if pairs else None


def agreement(claims: Sequence[Mapping[str, str]]) -> float | None:
    """The mean of `agreement_on` over the claims on which two or more experts take a stance; None without any."""
    shares = [share for stances in claims if (share := agreement_on([*stances.values()])) is not None]
    return fmean(shares) if shares else None


def too_few_pairs(pairs: int, categories: int) -> int:
    """How many more pairs of ratings κ needs before it is reported; 0 where there are enough."""
    return max(0, MIN_PAIRS_PER_CELL * categories**2 - pairs)


def kappa(pairs: Sequence[tuple[int, int]], categories: int) -> Kappa | None:
    """Cohen's κ, weighted by the square of the distance, of pairs of ratings, each from 0 to `categories` - 1.

    None with fewer than 2 `categories`² pairs, and where one side never varies: then nothing can be told from chance.
    Cohen, Psychological Bulletin 70 (1968); the standard error is that of Fleiss, Cohen and Everitt, Psychological
    Bulletin 72 (1969), equation 13.
    """
    if too_few_pairs(len(pairs), categories) or any(len({pair[side] for pair in pairs}) < 2 for side in (0, 1)):
        return None
    share = Counter(pairs)
    cells = {cell: count / len(pairs) for cell, count in share.items()}
    rows = [sum(p for (row, _), p in cells.items() if row == one) for one in range(categories)]
    columns = [sum(p for (_, column), p in cells.items() if column == one) for one in range(categories)]
    weight = [[1 - ((i - j) / (categories - 1)) ** 2 for j in range(categories)] for i in range(categories)]
    observed = sum(p * weight[i][j] for (i, j), p in cells.items())
    by_chance = sum(rows[i] * columns[j] * weight[i][j] for i in range(categories) for j in range(categories))
    value = (observed - by_chance) / (1 - by_chance)
    mean_of_row = [sum(columns[j] * weight[i][j] for j in range(categories)) for i in range(categories)]
    mean_of_column = [sum(rows[i] * weight[i][j] for i in range(categories)) for j in range(categories)]
    spread = sum(
        p * (weight[i][j] - (mean_of_row[i] + mean_of_column[j]) * (1 - value)) ** 2 for (i, j), p in cells.items()
    )
    variance = (spread - (value - by_chance * (1 - value)) ** 2) / (len(pairs) * (1 - by_chance) ** 2)
    reach = Z_95 * sqrt(max(0.0, variance))
    return Kappa(value, max(-1.0, value - reach), min(1.0, value + reach), len(pairs))
