"""Place one agent: the cheapest card that may take it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from helios_core.allocation.board import Board
from helios_core.allocation.fleet import Fleet, Gpu
from helios_core.allocation.ledger import Ledger, Promise
from helios_core.allocation.mix import Mix
from helios_core.allocation.outlook import Outlook
from helios_core.allocation.plain import PlainBoard
from helios_core.allocation.policy import Policy
from helios_core.allocation.refusals import Check, Question, passes, room, standing_checks
from helios_core.allocation.requests import Kind, Request, Shape
from helios_core.allocation.rules import Rule, in_order
from helios_core.allocation.score import Candidate

SMALL_FLEET = 16
"""Up to so many cards plain Python is faster than arrays."""


class Choice(NamedTuple):
    """Where a request would go, and in which shape."""

    shape: Shape
    host: int
    cards: tuple[int, ...]


class Answer(NamedTuple):
    """What the fleet answers to a request in one shape: candidates, the cheapest first unless one is preferred."""

    question: Question
    checks: Sequence[Check]
    candidates: list[Candidate]
    is_preferred: bool

    @property
    def choice(self) -> Choice | None:
        """Where the request would go."""
        if not self.candidates:
            return None
        return Choice(self.question.shape, self.candidates[0].host, self.candidates[0].cards)


class Placer:
    """A fleet with its promises, the rules in force, and what is likely to be asked for."""

    def __init__(
        self,
        fleet: Fleet,
        rules: Iterable[Rule] = (),
        mix: Mix | None = None,
        quotas_mib: Mapping[int | None, int] | None = None,
    ) -> None:
        self.fleet = fleet
        """As it was at first: by this the mix is judged, whatever is read of the cards later."""
        self.ledger = Ledger(fleet)
        self.policy = Policy(self.ledger, in_order(rules), dict(quotas_mib or {}))
        self._is_limited = any(host.is_limited for host in self.ledger.hosts)
        self._look_ahead(mix or Mix())

    def expect(self, counts: Mapping[Kind, int]) -> None:
        """Take these for the requests that are likely to come; scores stay as they are where nothing is new in that."""
        if self.mix.counts != counts:
            self._look_ahead(Mix.given(counts))

    def _look_ahead(self, mix: Mix) -> None:
        self.mix = mix
        self._by_host = self._is_limited and any(self._ties(kind) for kind in mix.counts)
        self._known: set[Kind] = set()
        self._board: Board | PlainBoard | None = None

    def copy(self) -> "Placer":
        """The same fleet with the same promises and rules, to try things on; it does not learn from what is tried."""
        ledger = self.ledger
        fleet = Fleet(tuple(ledger.gpus), tuple(account.host for account in ledger.hosts))
        copy = Placer(fleet, self.policy.rules, Mix.given(self.mix.counts), self.policy.quotas_mib)
        copy.fleet = self.fleet
        for promise in ledger.promises.values():
            copy.ledger.restore(promise)
        return copy

    def place(self, request: Request) -> Promise | None:
        """Choose and promise; None where nothing takes the request."""
        choice = self.choose(request)
        return None if choice is None else self.promise(request, choice)

    def choose(self, request: Request) -> Choice | None:
        """Where the request would go; nothing is promised."""
        return self.ask(request).choice

    def ask(self, request: Request, most: int = 1) -> Answer:
        """The candidates that cost least, so many at most, for the first of the request's shapes that has any."""
        kind = request.kind
        self._observe(kind)
        rules = self.policy.rules_about(request)
        checks = standing_checks(request, rules, self.ledger)
        first = self._answer(Question(self.ledger, request, kind.shapes[0], rules), checks, most)
        if first.candidates or len(kind.shapes) == 1:
            return first
        others = (Question(self.ledger, request, shape, rules) for shape in kind.shapes[1:])
        answers = (self._answer(question, checks, most) for question in others)
        return next((answer for answer in answers if answer.candidates), first)

    def _answer(self, question: Question, checks: Sequence[Check], most: int) -> Answer:
        if self.policy.quotas_mib and not self.policy.is_within_quota(question.request, question.shape):
            return Answer(question, checks, [], is_preferred=False)
        candidates = self.board.ranked(question, checks, most)
        if question.request.preferred_gpu is not None and candidates:
            return self._preferring(question, checks, candidates)
        return Answer(question, checks, candidates, is_preferred=False)

    def _preferring(self, question: Question, checks: Sequence[Check], candidates: list[Candidate]) -> Answer:
        """The answer with the preferred card first, if it is one that takes the request."""
        preferred = question.request.preferred_gpu
        position = None if preferred is None else self.ledger.position_of.get(preferred)
        if position is None or question.shape.cards != 1:
            return Answer(question, checks, candidates, is_preferred=False)
        card = self.ledger.cards[position]
        if not passes(question, card, (*checks, room)):
            return Answer(question, checks, candidates, is_preferred=False)
        known = next((candidate for candidate in candidates if candidate.cards == (position,)), None)
        first = known or Candidate(self.board.price(question, card), card.host.position, (position,))
        return Answer(question, checks, [first, *(c for c in candidates if c is not known)], is_preferred=True)

    def promise(self, request: Request, choice: Choice) -> Promise:
        """Promise what was chosen; ValueError where it is no longer free."""
        promise = self.ledger.promise(request, choice.shape, choice.host, choice.cards)
        self._changed(promise)
        return promise

    def release(self, agent: str) -> Promise:
        """End what the agent holds; KeyError where it holds nothing."""
        promise = self.ledger.release(agent)
        self._changed(promise)
        return promise

    def restore(self, promise: Promise) -> None:
        """Enter again what was released, though it might not be promised anew."""
        self.ledger.restore(promise)
        self._changed(promise)

    def update(self, gpu: Gpu) -> None:
        """Enter new readings of a card; its host and its traits stay."""
        card = self.ledger.update(gpu)
        if self._board is not None:
            self._board.reread(card.position, card.host.position)

    def change_rules(self, rules: Iterable[Rule]) -> None:
        """Put other rules in force. What is promised already stays."""
        self.policy.rules = in_order(rules)

    @property
    def board(self) -> Board | PlainBoard:
        """The scores of this fleet, drawn up when they are first asked for."""
        if self._board is None:
            outlook = Outlook.of(self.mix.counts, self.fleet)
            by_host = self._by_host or outlook.ties_cards
            if len(self.fleet.gpus) <= SMALL_FLEET and not by_host:
                self._board = PlainBoard(self.ledger, outlook)
            else:
                self._board = Board(self.ledger, outlook, by_host=by_host)
        return self._board

    def _observe(self, kind: Kind) -> None:
        learned = self.mix.observe(kind)
        if kind not in self._known:
            self._known.add(kind)
            if not self._by_host and self._ties(kind):
                self._by_host = learned = True
        if learned:
            self._board = None

    def _ties(self, kind: Kind) -> bool:
        """Whether cards of one host cannot be judged one by one: it needs several, or what the host runs out of."""
        return any(shape.cards != 1 for shape in kind.shapes) or (self._is_limited and kind.needs_host)

    def _changed(self, promise: Promise) -> None:
        if self._board is not None:
            self._board.changed(promise.cards, promise.host, promise.shape.model)
