"""Which cases are of one patient: what a split and an interval must keep together."""

import re


def patient_of(case):
    """The patient that a case belongs to: frames (_ED, _ES) and repeated scans of one are one patient."""
    return re.sub(r"_(ED|ES)$", "", case)
