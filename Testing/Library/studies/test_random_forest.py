"""The random forest tells apart what can be told apart, and says which columns it relied on."""

import numpy as np

from SlicePropagationLib.studies.acnn.random_forest import RandomForest


def two_moons(count, seed):
    """Points that no straight line separates, with a column of noise in front: (table, classes)."""
    random = np.random.default_rng(seed)
    points = random.uniform(-1, 1, (count, 2))
    return np.column_stack([random.normal(size=count), points]), (
        points[:, 0] * points[:, 1] > 0
    ).astype(int)


def test_classes_that_no_line_separates_are_learnt():
    table, classes = two_moons(300, 0)
    unseen, truth = two_moons(200, 1)
    assert (RandomForest(60).fit(table, classes).predict(unseen) == truth).mean() > 0.85


def test_importance_lies_with_the_columns_that_matter():
    random = np.random.default_rng(0)
    table = random.normal(size=(100, 6))
    importance = RandomForest(50).fit(table, (table[:, 4] > 0).astype(int)).importance
    assert importance.argmax() == 4
    assert importance.sum() > 0.999


def test_the_same_seed_gives_the_same_forest():
    table, classes = two_moons(80, 0)
    first, second = (RandomForest(10, seed=3).fit(table, classes).predict(table) for _ in range(2))
    assert np.array_equal(first, second)


def test_rows_that_are_all_equal_are_one_leaf():
    assert (
        RandomForest(5).fit(np.ones((6, 2)), np.array([0, 0, 0, 0, 1, 1])).predict(np.ones((2, 2)))
        == 0
    ).all()
