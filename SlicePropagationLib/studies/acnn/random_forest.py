"""A random forest for small tables: classification of codes without a further package."""

import numpy as np


class RandomForest:
    """Trees on bootstrap samples, each split the best of a few columns drawn at random (Gini), leaves pure; classes are voted by shares.

    Args:
        num_trees: number of trees.
        seed: of everything random.

    Source: Breiman, Machine Learning 45, 2001, with the square root of the number of columns drawn
        at each split.
    """

    def __init__(self, num_trees=200, seed=0):
        self.num_trees = num_trees
        self.seed = seed

    def fit(self, table, classes):
        """Learn from a (cases, columns) table and (cases,) class numbers 0, 1, ...; returns itself.

        Afterwards `importance` holds the (columns,) share of the decrease of impurity that each
        column brought.
        """
        table = np.asarray(table, np.float64)
        classes = np.asarray(classes)
        self.num_classes = int(classes.max()) + 1
        self.importance = np.zeros(table.shape[1])
        self._random = np.random.default_rng(self.seed)
        self._drawn = max(1, int(np.sqrt(table.shape[1])))
        self.trees = []
        for _ in range(self.num_trees):
            chosen = self._random.integers(0, len(table), len(table))
            self.trees.append(self._grow(table[chosen], np.eye(self.num_classes)[classes[chosen]]))
        self.importance /= max(self.importance.sum(), 1e-12)
        return self

    def predict(self, table):
        """(cases,) class numbers."""
        shares = [
            [_descend(tree, row) for tree in self.trees] for row in np.asarray(table, np.float64)
        ]
        return np.mean(shares, axis=1).argmax(axis=1)

    def _grow(self, table, members):
        """A leaf, (shares,), or a node, (column, threshold, left, right)."""
        split = self._best_split(table, members) if (members.sum(axis=0) > 0).sum() > 1 else None
        if split is None:
            return (members.mean(axis=0),)
        gain, column, threshold = split
        self.importance[column] += gain
        is_left = table[:, column] <= threshold
        return (
            column,
            threshold,
            self._grow(table[is_left], members[is_left]),
            self._grow(table[~is_left], members[~is_left]),
        )

    def _best_split(self, table, members):
        """(decrease of impurity times cases, column, threshold).

        None where no column tells the cases apart.
        """
        best = None
        for column in self._random.permutation(table.shape[1])[: self._drawn]:
            order = np.argsort(table[:, column], kind="stable")
            values = table[order, column]
            left = members[order].cumsum(axis=0)[:-1]
            count = np.arange(1, len(values))
            right = members.sum(axis=0) - left
            kept = (left**2).sum(axis=1) / count + (right**2).sum(axis=1) / (
                len(values) - count
            )  # cases minus impurity of both sides
            kept[values[1:] == values[:-1]] = -np.inf
            if len(kept) and np.isfinite(kept.max()):
                place = int(kept.argmax())
                gain = kept[place] - (members.sum(axis=0) ** 2).sum() / len(values)
                if best is None or gain > best[0]:
                    best = float(gain), int(column), float((values[place] + values[place + 1]) / 2)
        return best


def _descend(tree, row):
    while len(tree) > 1:
        column, threshold, left, right = tree
        tree = left if row[column] <= threshold else right
    return tree[0]
