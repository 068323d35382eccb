"""The engine: named rules, applied to a normal form from the arguments upward, and recorded as steps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from gradwork.errors import GradworkError
from gradwork.expr.node import NAME, Expr, plain, rebuild
from gradwork.expr.op import Op
from gradwork.expr.reason import Reason


@dataclass(frozen=True)
class Rule:
    """A named change of form.

    name:   what a derivation calls it; the words for it are looked up elsewhere.
    group:  calculus, canonical, stabilise, simplify or lower.
    ops:    the operations at whose nodes it can apply.
    apply:  node -> the node it becomes, or None where it does not apply.
    board:  whether a teacher would write it on the board as a step of its own.
    early:  whether it applies before the arguments are in normal form, too: what it takes apart need not be.
    facts:  (before) -> what the words for this step need to know.
    reason: (before) -> why the step holds; by default the rule's name with its facts.
    """

    name: str
    group: str
    ops: tuple[Op, ...]
    apply: Callable[[Expr], Expr | None]
    board: bool = False
    facts: Callable[[Expr], dict[str, Any]] | None = None
    reason: Callable[[Expr], Reason] | None = None
    early: bool = False


@dataclass(frozen=True)
class Step:
    """One application of a rule: `before` became `after`."""

    rule: Rule
    before: Expr
    after: Expr
    facts: dict[str, Any] = field(default_factory=dict)

    @property
    def reason(self) -> Reason:
        """Why the step holds, as its rule tells it."""
        return self.rule.reason(self.before) if self.rule.reason else Reason.of(self.rule.name, **self.facts)

    def holds(self) -> bool:
        """Tell whether the rule, applied again, gives the recorded result."""
        return self.rule.apply(self.before) is self.after


class Engine:
    """A set of rules and what they have made of each node so far."""

    FUEL = 200_000  # rewrites in one normalisation; the rules shrink what they touch, so this is never near

    def __init__(self, rules: Iterable[Rule], through_names: bool = False):
        self.rules = tuple(rules)
        self.through_names = through_names
        self.by_op: dict[Op, list[Rule]] = {}
        for rule in self.rules:
            for op in rule.ops:
                self.by_op.setdefault(op, []).append(rule)
        self.early: dict[Op, list[Rule]] = {}
        for op, own in self.by_op.items():
            if chosen := [rule for rule in own if rule.early]:
                self.early[op] = chosen
        self.memo: dict[Expr, Expr] = {}
        self.steps: dict[Expr, Step] = {}

    def once(self, node: Expr, early: bool = False) -> Step | None:
        """Return the first rule's step at this very node, if any applies; early: before its arguments are normal."""
        for rule in (self.early if early else self.by_op).get(node.op, ()):
            after = rule.apply(node)
            if after is not None and after is not node:
                return Step(rule, node, after, rule.facts(node) if rule.facts else {})
        return None

    def normalise(self, root: Expr, once: Callable[[Expr, bool], Step | None] | None = None) -> Expr:
        """Return the normal form of `root`; `once` says which step a node takes, if not the first that applies."""
        return self._run(plain(root), once or self.once)

    def replay(self, root: Expr, steps: dict[Expr, Step]) -> Expr:
        """Return what the recorded steps make of `root`, each derived again by its own rule."""
        fresh = Engine((), self.through_names)

        def recorded(node: Expr, early: bool = False) -> Step | None:
            step = steps.get(node)
            if step is None or (early and not step.rule.early):
                return None
            if not step.holds():
                raise GradworkError("step does not replay", name=step.rule.name)
            return step

        return fresh._run(plain(root), recorded)

    def _run(self, root: Expr, once: Callable[[Expr, bool], Step | None]) -> Expr:
        memo, became = self.memo, {}
        fuel = self.FUEL
        stack = [root]
        while stack:
            node = stack[-1]
            if node in memo:
                stack.pop()
                continue
            after = became.get(node)
            if after is not None:
                if after in memo:
                    memo[node] = memo[after]
                    stack.pop()
                else:
                    stack.append(after)
                continue
            if node.op is NAME and not self.through_names:
                memo[node] = node
                stack.pop()
                continue
            waiting = [a for a in node.args if a not in memo]
            if waiting:
                # A sum of sums is taken apart from the top: from below, each of its beginnings would be a sum of
                # its own, and the work quadratic.
                step = once(node, True)
                if step is not None:
                    self.steps[node] = step
                    became[node] = step.after
                else:
                    stack.extend(reversed(waiting))
                continue
            current = rebuild(node, tuple(memo[a] for a in node.args))
            if current is not node:
                became[node] = current
                continue
            step = once(node, False)
            if step is None:
                memo[node] = node
                stack.pop()
                continue
            fuel -= 1
            if fuel < 0 or (step.after in became and step.after not in memo):
                # A loop between rules: keep the form that was reached rather than turn for ever.
                memo[node] = node
                stack.pop()
                continue
            self.steps[node] = step
            became[node] = step.after
        return memo[root]
