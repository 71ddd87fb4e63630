"""What the experiments of the pancreas paper compare."""

from __future__ import annotations

from dataclasses import dataclass

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
    """

    title: str
    columns: dict[str, Column]
    reference: str
    note: str = ""


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
        note=(
            "`PNet-MSA trained on` is the network below the BiRNN after both were trained together,"
            " with the BiRNN left out: what it says apart from smoothing. `abnormal slices` is the"
            " paper's rule: the BiRNN's slices only where neighbouring outlines lie more than 0.5 mm"
            " apart on average, or one of them is lost.\n"
        ),
    ),
}
