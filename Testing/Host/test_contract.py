"""The sources of the extension keep the contract with Slicer 5.10, 5.12 and main.

A module that breaks it is found out, line by line.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from contract import DEFAULT, check
from host import facts

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parents[1]


def planted():
    """{(file, line): what the finding must say} of the negative control."""
    found = {}
    for path in [*HERE.joinpath("bad").rglob("*.py"), *HERE.joinpath("bad").rglob("*.ui")]:
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            mark = re.search(r"(?:#|<!--) fault: (.*?)(?: -->)?$", line)
            if mark:
                found[path.name, number] = mark.group(1)
    return found


def test_the_extension_uses_nothing_that_a_supported_slicer_lacks():
    findings, count = check(DEFAULT)
    assert [str(finding) for finding in findings] == []
    assert count >= 150, "the check no longer recognises what the sources use"


def test_every_planted_fault_is_found_by_name_and_line():
    findings, _ = check([HERE / "bad"])
    said = {}
    for finding in findings:
        said.setdefault((finding.file, finding.line), []).append(finding.message)
    missed = {
        place: text
        for place, text in planted().items()
        if not any(text in message for message in said.get(place, ()))
    }
    assert missed == {}
    assert len(planted()) >= 35


def test_lines_without_a_fault_have_no_finding():
    findings, _ = check([HERE / "bad"])
    assert [
        str(finding) for finding in findings if (finding.file, finding.line) not in planted()
    ] == []


def test_the_command_fails_on_findings_and_passes_without():
    for folder, code in ((HERE / "bad", 1), (CHECKOUT / "Resources", 0)):
        done = subprocess.run(
            [sys.executable, HERE / "contract.py", folder],
            capture_output=True,
            text=True,
        )
        assert done.returncode == code, done.stdout + done.stderr


def test_the_facts_are_those_of_the_inventory(tmp_path):
    inventory = CHECKOUT.parent / "shared" / "slicer-api"
    if not inventory.is_dir():
        pytest.skip(f"There is no inventory of Slicer's API in {inventory}.")
    subprocess.run(
        [sys.executable, HERE / "extract_facts.py", "--api", inventory, "--out", tmp_path],
        check=True,
        capture_output=True,
    )
    written = list(tmp_path.glob("*.json"))
    assert len(written) == 4
    for path in written:
        kept = json.loads((facts.FOLDER / path.name).read_text(encoding="utf-8"))
        extracted = json.loads(path.read_text(encoding="utf-8"))
        assert {
            name: entry for name, entry in kept.items() if extracted.get(name, entry) != entry
        } == {}, path.name


@pytest.mark.parametrize(
    "signature",
    ["currentNodeChanged( vtkMRMLNode * )", "currentNodeChanged(vtkMRMLNode*)"],
)
def test_a_signature_is_compared_as_qt_writes_it(signature):
    assert facts.normalized(signature) in facts.signals("qMRMLNodeComboBox")


def test_a_reference_to_a_constant_is_the_type_itself():
    assert facts.normalized("textChanged(const QString &)") == "textChanged(QString)"


def test_a_member_is_looked_up_in_the_bases_too():
    assert facts.member("qMRMLSegmentEditorWidget", "setMRMLScene").kind == "method"
    assert facts.member("ctkCollapsibleButton", "text").kind == "property"
    assert facts.member("ctkCollapsibleButton", "sizeHint").kind == "property"
    assert facts.member("QPushButton", "nonsense") is None


def test_facts_say_which_versions_have_a_member():
    assert facts.member("qMRMLNodeComboBox", "nodeAddedByUserAction").versions == ("5.12", "main")
    assert facts.member("qMRMLNodeComboBox", "currentNode").versions == facts.VERSIONS
