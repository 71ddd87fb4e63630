"""The data sets that weights to be released may be trained on: licence and citation of each."""

from typing import NamedTuple


class DataSet(NamedTuple):
    """What a model card says of a data set."""

    licence: str
    citation: str


SARCOMA = DataSet(
    "CC BY 3.0",
    "M. Vallieres et al., Phys. Med. Biol. 2015; data doi:10.7937/K9/TCIA.2015.7GO2GSKS; K. Clark et"
    " al., 2013; prepared by A. Zwanenburg (IBSI)",
)
DECATHLON = (
    'A. L. Simpson et al., "A large annotated medical image dataset for the development and'
    ' evaluation of segmentation algorithms", arXiv:1902.09063'
)
PERMITTED = {
    "sunnybrook_cine": DataSet(
        "CC0 1.0",
        'P. Radau et al., "Evaluation Framework for Algorithms Segmenting Short Axis Cardiac MRI",'
        " The MIDAS Journal, 2009, http://hdl.handle.net/10380/3070",
    ),
    "openkbp_headneck_ct": DataSet(
        "MIT",
        'A. Babier et al., "OpenKBP: The open-access knowledge-based planning grand challenge and'
        ' dataset", Medical Physics 48:5549-5561, 2021',
    ),
    "msd_hippocampus": DataSet(
        "CC BY-SA 4.0",
        f"{DECATHLON}; M. Antonelli et al., Nature Communications 13:4128, 2022",
    ),
    "sarcoma_ct": SARCOMA,
    "sarcoma_mr_t1": SARCOMA,
    "sarcoma_pet": SARCOMA,
    "lung_nodule_ct": DataSet(
        "CC BY 3.0",
        "S. Armato et al., Med. Phys. 2011; data doi:10.7937/K9/TCIA.2015.LO9QL9SX",
    ),
    "em_fly_medulla_fibsem": DataSet(
        "CC BY", "FlyEM, Janelia; T. Parag et al., PLoS ONE 2015; S. Takemura et al., PNAS 2015"
    ),
    "fetal_brain_sb": DataSet(
        "CC0 1.0",
        "L. Fidon et al., Open Research Europe 2021, doi:10.12688/openreseurope.13914.1",
    ),
    "spleen_ct": DataSet("CC BY-SA 4.0", DECATHLON),
    "nuclei_confocal": DataSet("BSD-3-Clause", "M. Weigert et al., StarDist 3D, WACV 2020"),
}
