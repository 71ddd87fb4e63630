"""The page says what is wrong, stays usable, loses nothing and lets nobody else in."""

import gzip
import json
import re
import struct
import subprocess

import pytest
from own_process import CHECKOUT, environment, run_script, script
from small_case import write_small_case

MODEL = CHECKOUT / "Resources" / "Models" / "voxelmorph.pt"


@pytest.fixture(autouse=True, scope="module")
def has_page():
    """Skip where the page cannot be served; of the module, so that it comes before `opened`."""
    pytest.importorskip("slicer", reason="needs slicer-core, the extra 'app'")
    pytest.importorskip("trame_slicer", reason="needs trame-slicer, the extra 'app'")


def experiment(name, folder, *arguments):
    """What came of an experiment at the page, in a process of its own."""
    done = run_script(folder, "page_experiments.py", name, folder, *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.strip().splitlines()[-1])


DICOM = {
    "missing": "dicom-missing-slices/series",
    "phases": "dicom-two-phases/series",
    "cine": "dicom-cine-folder/series",
    "disc": "dicom-disc-and-single-file/disc",
    "single": "dicom-disc-and-single-file/single/slice.dcm",
    "bare": "dicom-disc-and-single-file/no-preamble",
}
FILES = {"nan": "nan.nii", "usual": "image.nii.gz"}


@pytest.fixture(scope="module")
def opened(has_page, tmp_path_factory):
    """{name: what the page says} of the DICOM cases and two files, opened one after the other."""
    pytest.importorskip("nibabel", reason="needs nibabel, the extra 'test'")
    pytest.importorskip("pydicom", reason="needs pydicom, the extra 'test'")
    from write_cases import write_case

    folder = tmp_path_factory.mktemp("images")
    for case in {path.split("/")[0] for path in DICOM.values()}:
        write_case(case, folder)
    write_small_case(folder)
    write_with_nan_offset(folder)
    paths = DICOM | FILES
    answers = experiment("opening", folder, *paths.values())
    return {name: answers[path] for name, path in paths.items()}


def write_with_nan_offset(folder):
    """nan.nii: image.nii.gz with a header that says NaN for where the voxels begin."""
    content = bytearray(gzip.decompress((folder / "image.nii.gz").read_bytes()))
    struct.pack_into("<f", content, 108, float("nan"))
    (folder / "nan.nii").write_bytes(content)


def test_the_page_says_between_which_positions_slices_are_missing(opened):
    message = opened["missing"]["message"]
    assert re.search(r"\b27\b", message), message
    assert re.search(r"\b36\b", message), message


def test_the_page_says_that_a_series_has_two_phases(opened):
    message = opened["phases"]["message"]
    assert re.search("phase|acquisition", message, re.IGNORECASE), message


def test_the_page_refuses_a_cine_folder_as_a_sequence(opened):
    answer = opened["cine"]
    assert answer["is_error"]
    assert re.search(r"\b5\b.*(frame|time)", answer["message"]), answer["message"]


def test_the_page_opens_a_disc(opened):
    assert "32×32×6 voxels" in opened["disc"]["volume"], opened["disc"]["message"]


def test_the_page_opens_files_without_preamble(opened):
    assert "32×32×6 voxels" in opened["bare"]["volume"], opened["bare"]["message"]


def test_the_page_opens_the_series_of_a_file_or_names_a_way_to_it(opened):
    answer = opened["single"]
    assert not answer["is_error"] or "folder" in answer["message"], answer["message"]


def test_the_page_says_so_when_a_file_cannot_be_opened(opened):
    assert opened["nan"]["is_over"], opened["nan"]["still"]
    assert opened["nan"]["is_error"]


def test_the_page_opens_the_next_file_when_one_could_not_be_opened(opened):
    assert "28×24×10 voxels" in opened["usual"]["volume"]


def test_what_is_drawn_while_a_result_waits_is_in_the_autosave(tmp_path):
    came = experiment("drawing-while-a-result-waits", tmp_path)
    assert came["is_first_kept"]
    assert came["is_waiting"]
    assert came["is_other_kept"]


def test_no_stroke_is_lost_when_the_page_crashes_as_soon_as_it_has_taken_the_last_one(tmp_path):
    drawn = experiment("crashing-after-strokes", tmp_path)["drawn"]
    came = experiment("going-on", tmp_path)
    assert came == {"is_offered": True, "drawn": drawn, "is_same": True}


def test_a_plane_that_does_not_exist_is_refused_with_a_sentence(tmp_path):
    came = experiment("state-from-a-client", tmp_path, "plane", "nope")
    assert came["is_usable"], came
    assert not came["problem"], came
    assert came["message"]


def test_a_model_file_outside_the_folders_is_no_engine_of_the_page(tmp_path):
    pytest.importorskip("torch", reason="needs PyTorch, the extra 'demo'")
    if not MODEL.is_file():
        pytest.skip("The weights of voxelmorph are not there.")
    model = tmp_path / "outside" / "model.pt"
    model.parent.mkdir()
    model.write_bytes(MODEL.read_bytes())
    came = experiment("state-from-a-client", tmp_path, "engine", model)
    assert came["is_usable"], came
    assert came["engines"] in ([], ["copy"]), came
    assert not came["problem"], came
    assert came["message"]


def test_another_user_of_the_machine_does_not_get_the_key_of_the_page(tmp_path):
    write_small_case(tmp_path)
    words = ["app", "image.nii.gz", "--out", "results", "--port", "0", "--no-browser"]
    server = subprocess.Popen(
        script("start_program.py", "plainly", *words),
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        port = port_in(server.stdout)
        answer = run_script(tmp_path, "ask_as_another.py", port).stdout
    finally:
        server.kill()
        server.communicate()
    assert answer.strip()
    assert "secret" not in answer


def port_in(lines):
    """The port of the address that the program prints."""
    for line in lines:
        if found := re.search(r"http://[^/\s]+:(\d+)", line):
            return found[1]
    raise AssertionError("The page did not start.")
