"""A random forest for small tables: classification of codes without a further package."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Leaf(NamedTuple):
    """An end of a tree: (classes,) shares of the cases that came there."""

    shares: np.ndarray


class Node(NamedTuple):
    """A fork of a tree: cases with `table[column] <= threshold` go left."""

    column: int
    threshold: float
    left: Tree
    right: Tree


class Split(NamedTuple):
    """A way to part cases: decrease of impurity times cases, and the column and threshold."""

    gain: float
    column: int
    threshold: float


Tree = Leaf | Node


class RandomForest:
    """Trees on bootstrap samples, leaves pure; classes are voted by shares.

    Each split is the best of a few columns drawn at random (Gini).

    Args:
        num_trees: number of trees.
        seed: of everything random.

    Attributes:
        importance: (columns,) share of the decrease of impurity that each column brought.

    Source: Breiman, Machine Learning 45, 2001, with the square root of the number of columns drawn
        at each split.
    """

    def __init__(
        self,
        num_trees: int = 200,
        seed: int = 0,
    ) -> None:
        self.num_trees = num_trees
        self.seed = seed
        self.importance = np.zeros(0)
        self.trees: list[Tree] = []
        self._random = np.random.default_rng(seed)
        self._drawn = 1

    def fit(
        self,
        table: np.ndarray,
        classes: np.ndarray,
    ) -> RandomForest:
        """Learn from cases; returns itself.

        Args:
            table: (cases, columns).
            classes: (cases,) class numbers 0, 1, ...
        """
        table = np.asarray(table, np.float64)
        classes = np.asarray(classes)
        members = np.eye(int(classes.max()) + 1)[classes]
        self.importance = np.zeros(table.shape[1])
        self.trees = []
        self._random = np.random.default_rng(self.seed)
        self._drawn = max(1, int(np.sqrt(table.shape[1])))
        for _ in range(self.num_trees):
            chosen = self._random.integers(0, len(table), len(table))
            self.trees.append(self._grow(table[chosen], members[chosen]))
        self.importance /= max(self.importance.sum(), 1e-12)
        return self

    def predict(self, table: np.ndarray) -> np.ndarray:
        """(cases,) class numbers of a (cases, columns) table."""
        votes = []
        for row in np.asarray(table, np.float64):
            shares = [_descend(tree, row) for tree in self.trees]
            votes.append(np.mean(shares, axis=0))
        return np.argmax(votes, axis=1)

    def _grow(
        self,
        table: np.ndarray,
        members: np.ndarray,
    ) -> Tree:
        """A tree of cases, of which `members` is (cases, classes) with 1 for the class of each."""
        is_mixed = (members.sum(axis=0) > 0).sum() > 1
        split = self._best_split(table, members) if is_mixed else None
        if split is None:
            return Leaf(members.mean(axis=0))
        self.importance[split.column] += split.gain
        is_left = table[:, split.column] <= split.threshold
        return Node(
            split.column,
            split.threshold,
            self._grow(table[is_left], members[is_left]),
            self._grow(table[~is_left], members[~is_left]),
        )

    def _best_split(
        self,
        table: np.ndarray,
        members: np.ndarray,
    ) -> Split | None:
        """The split with the largest gain; None where no column tells the cases apart."""
        best = None
        for column in self._random.permutation(table.shape[1])[: self._drawn]:
            split = _split_of(table[:, column], int(column), members)
            if split is not None and (best is None or split.gain > best.gain):
                best = split
        return best


def _split_of(
    values: np.ndarray,
    column: int,
    members: np.ndarray,
) -> Split | None:
    """The best split by one column; None where all its values are equal."""
    order = np.argsort(values, kind="stable")
    values = values[order]
    left = members[order].cumsum(axis=0)[:-1]
    right = members.sum(axis=0) - left
    count = np.arange(1, len(values))
    # Cases minus impurity of both sides.
    kept = (left**2).sum(axis=1) / count + (right**2).sum(axis=1) / (len(values) - count)
    kept[values[1:] == values[:-1]] = -np.inf
    if not len(kept) or not np.isfinite(kept.max()):
        return None
    place = int(kept.argmax())
    gain = kept[place] - (members.sum(axis=0) ** 2).sum() / len(values)
    threshold = (values[place] + values[place + 1]) / 2
    return Split(float(gain), column, float(threshold))


def _descend(tree: Tree, row: np.ndarray) -> np.ndarray:
    while isinstance(tree, Node):
        tree = tree.left if row[tree.column] <= tree.threshold else tree.right
    return tree.shares
