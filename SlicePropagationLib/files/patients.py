"""Which cases are of one patient: what a split and an interval must keep together."""

import re


def patient_of(case: str) -> str:
    """The patient that a case belongs to: frames (_ED, _ES) of one are one patient.

    Also where the file names the case, as in `p1_ED.nii.gz` or `p1_ED/image.nii.gz`.
    """
    return re.sub(r"_(ED|ES)(?=$|[./\\])", "", case)
