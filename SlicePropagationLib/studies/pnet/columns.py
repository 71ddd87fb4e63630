"""What the experiments of the pancreas paper compare."""

from __future__ import annotations

from dataclasses import dataclass

from SlicePropagationLib.studies.first_page import Claim

PAPER = "pancreas, CT / MR"


@dataclass(frozen=True)
class Column:
    """A training of the comparison.

    Attributes:
        preset: of `train pnet_msa`.
        loss: as in PNetTaskConfig.
        has_birnn: train the BiRNN on top of it.
        uses_birnn: False for what the network below a trained BiRNN says by itself.
        refines: "all" slices by the BiRNN, or those of an "abnormal" change of shape.
        paper: the paper's Dice in percent.
    """

    preset: str = "joint"
    loss: str = "jaccard"
    has_birnn: bool = False
    uses_birnn: bool = True
    refines: str = "all"
    paper: str = "83.3±5.6 / 80.7±7.4"

    @property
    def is_layerwise(self) -> bool:
        """Whether its network learns unit after unit."""
        return self.preset == "default"

    @property
    def folder(self) -> str:
        """Name of the folder of its training; equal trainings of several experiments share it."""
        return f"{self.preset}-{self.loss}" + ("-birnn" if self.has_birnn else "")


@dataclass(frozen=True)
class Experiment:
    """Columns that are compared.

    Attributes:
        title: what is asked, and where in the paper.
        columns: {name: Column}.
        reference: the column that the others are compared with.
        note: a line about the columns; empty for none.
        asked: the question, a sentence.
        claims: what the paper says about the columns, in points of Dice on CT and MR.
    """

    title: str
    columns: dict[str, Column]
    reference: str
    note: str = ""
    asked: str = ""
    claims: tuple[Claim, ...] = ()


def _claim(ahead: str, behind: str, paper: str) -> Claim:
    """A statement of the paper about Dice in percent."""
    return Claim(ahead, behind, paper, unit="points of Dice", scale=100.0)


EXPERIMENTS = {
    "pnet-losses": Experiment(
        "Loss functions (Cai et al., Table I and Figure 5)",
        {
            "cross-entropy": Column(
                loss="cross_entropy",
                paper="83.5±5.6 / 80.0±7.6",
            ),
            "class-balanced cross-entropy": Column(
                loss="balanced_cross_entropy",
                paper="83.2±5.7 / 80.2±7.2",
            ),
            "Jaccard": Column(paper="83.7±5.4 / 80.2±7.9"),
        },
        reference="Jaccard",
        asked="Which loss segments better: Jaccard, or a cross-entropy?",
        claims=(
            _claim("Jaccard", "cross-entropy", "+0.2 / +0.2"),
            _claim("Jaccard", "class-balanced cross-entropy", "+0.5 / 0.0"),
        ),
    ),
    "pnet-architectures": Experiment(
        "Architectures (Cai et al., Table II; PNet-128 of Table IV)",
        {
            "HNN": Column("hnn", paper="79.6±7.7 / 75.9±10.1"),
            "U-Net": Column("unet", paper="79.7±7.6 / 79.9±7.3"),
            "PNet": Column("pnet", paper="81.3±8.1 / 76.3±12.9"),
            "PNet-128": Column("pnet-128", paper="not given / 80.5±6.7"),
            "PNet-MSA": Column(),
            "PNet-MSA, direct wiring": Column("direct", paper="not said which"),
        },
        reference="PNet-MSA",
        asked="Is PNet-MSA better than other networks of single slices?",
        claims=(
            _claim("PNet-MSA", "HNN", "+3.7 / +4.8"),
            _claim("PNet-MSA", "U-Net", "+3.6 / +0.8"),
            _claim("PNet-MSA", "PNet", "+2.0 / +4.4"),
            _claim("PNet-MSA", "PNet-128", "not given / +0.2"),
        ),
    ),
    "pnet-birnn": Experiment(
        "With and without BiRNN (Cai et al., Table III)",
        {
            "PNet-MSA": Column(),
            "PNet-MSA trained on": Column(
                has_birnn=True,
                uses_birnn=False,
                paper="not measured",
            ),
            "PNet-MSA + BiRNN": Column(
                has_birnn=True,
                paper="not measured",
            ),
            "PNet-MSA + BiRNN, abnormal slices": Column(
                has_birnn=True,
                refines="abnormal",
                paper="83.7±5.1 / as without",
            ),
        },
        reference="PNet-MSA",
        asked="Does a recurrent network that makes neighbouring slices agree gain anything?",
        claims=(
            _claim("PNet-MSA + BiRNN, abnormal slices", "PNet-MSA", "+0.4 / 0.0"),
            _claim("PNet-MSA + BiRNN", "PNet-MSA", "not measured"),
            _claim("PNet-MSA + BiRNN", "PNet-MSA trained on", "not measured"),
        ),
        note=(
            "`PNet-MSA trained on` is the network below the BiRNN after both were trained together,"
            " with the BiRNN left out: what it says apart from smoothing. `abnormal slices` is the"
            " paper's rule: the BiRNN's slices only where neighbouring outlines lie more than 0.5 mm"
            " apart on average, or one of them is lost.\n"
        ),
    ),
    "pnet-curriculum": Experiment(
        "Unit after unit against all units at once (Cai et al., section III-A)",
        {
            "all units at once": Column(paper="not measured"),
            "unit after unit": Column("default", paper="83.7±5.4 / 80.2±7.9"),
        },
        reference="all units at once",
        asked="Does a network gain by learning unit after unit?",
        claims=(_claim("unit after unit", "all units at once", "not measured"),),
        note=(
            "The paper trains unit after unit and does not say what that gains. Other settings of"
            " the preset `joint` than of `default`, such as a falling learning rate, are evened out"
            " with --config.\n"
        ),
    ),
}
