"""The pictures beside results: what they show, and that they replace nothing of something else."""

import json
import sys

import numpy as np
import pytest
import SimpleITK as sitk
from case_files import make_case, read, write
from phantoms import blank_stack, disc, drifting_disc

from SlicePropagationLib.commands.main import main
from SlicePropagationLib.files.png_file import write_png
from SlicePropagationLib.files.record import is_ours, is_whole, sha256_of
from SlicePropagationLib.files.segments import Segment
from SlicePropagationLib.pipelines import montage
from SlicePropagationLib.pipelines.anatomical_view import AnatomicalView
from SlicePropagationLib.pipelines.montage import TILE, square_window
from SlicePropagationLib.pipelines.picture_text import SHEETS, text_mask
from SlicePropagationLib.pipelines.result_picture import FRAMES, WORDS, choose_slices, color_of
from SlicePropagationLib.session import AnnotationSession, Provenance

SEED_FRAME = FRAMES[Provenance.SEED]
OUTLINE = color_of(Segment.plain(1))


@pytest.fixture
def case(tmp_path):
    return make_case(tmp_path)


def propagate(case, out, *options):
    files = ["--image", str(case["image"]), "--seed", str(case["seed"]), "--out", str(out)]
    return main(["propagate", *files, "--engine", "copy", "--quiet", *options])


def superresolve(case, out, *options):
    files = ["--image", str(case["image"]), "--labels", str(case["truth"]), "--out", str(out)]
    return main(["superresolve", *files, "--quiet", *options])


def tiles_of(path):
    """The tiles of a montage, row by row."""
    picture = read(path)
    pitch = TILE + 2
    tops = range(0, picture.shape[0], pitch)
    lefts = range(0, picture.shape[1], pitch)
    return [picture[top : top + TILE, left : left + TILE] for top in tops for left in lefts]


def share(tile, color):
    """The share of a tile that has a colour."""
    return (tile == color).all(axis=-1).mean()


def test_the_picture_shows_drawn_and_predicted_slices_without_matplotlib(
    case, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    assert propagate(case, tmp_path / "out.nii.gz", "--picture") == 0
    tiles = tiles_of(tmp_path / "out.png")
    framed = [tile for tile in tiles if (tile[0] == SEED_FRAME).all()]
    assert len(tiles) == 12
    assert len(framed) == 1  # slice 7, the one that was drawn
    assert all(share(tile, OUTLINE) > 0.005 for tile in tiles)  # the engine copies it everywhere


def test_the_record_holds_the_hash_of_the_picture(case, tmp_path):
    assert propagate(case, tmp_path / "out.nii.gz", "--picture") == 0
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert record["files"]["out.png"] == sha256_of(tmp_path / "out.png")
    (tmp_path / "out.png").write_bytes(b"")
    assert not is_whole(tmp_path / "out.json")


def test_without_being_asked_for_there_is_no_picture(case, tmp_path):
    assert propagate(case, tmp_path / "out.nii.gz") == 0
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.parametrize("command", [propagate, superresolve])
def test_a_picture_of_something_else_is_not_replaced_but_an_own_one_is(case, tmp_path, command):
    options = ["--picture"] if command is propagate else []
    sitk.WriteImage(sitk.Image(4, 4, sitk.sitkUInt8), str(tmp_path / "out.png"))
    precious = (tmp_path / "out.png").read_bytes()
    assert command(case, tmp_path / "out.nii.gz", *options) == 2
    assert (tmp_path / "out.png").read_bytes() == precious
    assert not (tmp_path / "out.nii.gz").exists()
    (tmp_path / "out.png").unlink()
    assert command(case, tmp_path / "out.nii.gz", *options) == 0
    assert is_ours(tmp_path / "out.png")
    # also one that the record does not name, since the run between wrote none
    (tmp_path / "out.json").unlink()
    assert command(case, tmp_path / "out.nii.gz", *options) == 0


def test_fine_slices_are_shown_below_the_thick_ones_and_have_more_steps(case, tmp_path):
    assert superresolve(case, tmp_path / "out.nii.gz", "--factor", "6") == 0
    picture = read(tmp_path / "out.png")
    tiles = tiles_of(tmp_path / "out.png")
    assert len(tiles) == 8
    assert picture.shape == (2 * TILE + 2, 4 * TILE + 6, 3)
    edges = [distinct_ends(tile) for tile in tiles]
    assert sum(edges[4:]) > sum(edges[:4])
    assert superresolve(case, tmp_path / "other.nii.gz", "--no-picture") == 0
    assert not (tmp_path / "other.png").exists()


def distinct_ends(tile):
    """How many different columns the outline reaches to, over the rows of a tile."""
    is_line = (tile == OUTLINE).all(axis=-1)
    shown = is_line.any(axis=1)
    return len(set(is_line.argmax(axis=1)[shown]))


def test_a_picture_along_time_shows_the_frames_of_the_slice_with_most_labels(tmp_path, monkeypatch):
    image, truth = beating()
    seed = np.where(np.isin(np.arange(8), (2, 6))[:, None, None, None], truth, 0)
    files = {name: tmp_path / f"{name}.nii.gz" for name in ("image", "seed")}
    for name, array in (("image", image), ("seed", seed)):
        volumes = [sitk.GetImageFromArray(frame) for frame in array]
        sitk.WriteImage(sitk.JoinSeries(volumes), str(files[name]))
    titles = []
    monkeypatch.setattr(montage, "draw_text", lambda picture, text, *_: titles.append(text))
    assert propagate(files, tmp_path / "out.nii.gz", "--axis", "t", "--picture") == 0
    assert titles[::2] == [f"frame {frame} slice 1" for frame in range(8)]
    assert [titles[2 * frame + 1] for frame in (2, 6)] == ["drawn", "drawn"]
    tiles = tiles_of(tmp_path / "out.png")
    framed = [number for number, tile in enumerate(tiles) if (tile[0] == SEED_FRAME).all()]
    assert framed == [2, 6]
    assert all(share(tile, OUTLINE) > 0.005 for tile in tiles)
    record = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert record["files"]["out.png"] == sha256_of(tmp_path / "out.png")


def beating():
    """(8, 3, 48, 48) images and labels of a disc that beats, the largest on the middle slice."""
    sizes = 9 + 3 * np.sin(np.arange(8) * np.pi / 4)
    truth = np.array(
        [[disc((48, 48), (24, 24), size - abs(place - 1)) for place in range(3)] for size in sizes]
    ).astype(np.uint8)
    noise = np.random.default_rng(0).normal(0, 4, truth.shape)
    return (100 * truth + noise).astype(np.float32), truth


def test_a_picture_comes_back_as_it_was_written(tmp_path):
    picture = np.random.default_rng(0).integers(0, 256, (7, 5, 3), np.uint8)
    write_png(tmp_path / "a.png", picture)
    assert np.array_equal(read(tmp_path / "a.png"), picture)


def test_a_letter_of_every_word_on_pictures_can_be_drawn():
    known = "".join(SHEETS)
    words = ["slice 0123456789", "0.5", "thick slices", "fine slices", *WORDS.values()]
    assert set("".join(words)) - set(known) == {" "}
    masks = [text_mask(letter).tobytes() for letter in known]
    assert len(set(masks)) == len(known)


@pytest.mark.parametrize("code", ["RAI", "LPS", "RSA", "ASL", "PIR"])
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_slices_are_turned_as_a_reader_expects_them(code, axis):
    """Values grow to the left, the back and downwards: so they must on the picture."""
    grid = np.indices((6, 7, 8)).astype(np.float32)
    image = sitk.DICOMOrient(sitk.GetImageFromArray(grid[0]), code)
    directions = np.reshape(image.GetDirection(), (3, 3))
    size = image.GetSize()
    index = np.stack(np.meshgrid(*(np.arange(count) for count in size), indexing="ij"), -1)
    place = np.transpose(index @ directions.T, (2, 1, 0, 3))  # (K, J, I, 3) in LPS
    rows, columns = (other for other in range(3) if other != axis)
    view = AnatomicalView.of(image, rows, columns)
    left, back, up = (view.turned(np.take(place[..., part], 2, axis)) for part in range(3))
    down = -up if np.ptp(up) else back
    right = left if np.ptp(left) else back
    assert (np.diff(down, axis=0) > 0).all()
    assert (np.diff(right, axis=1) > 0).all()


def test_of_a_long_structure_the_telling_slices_are_shown():
    session = AnnotationSession(blank_stack(60))
    mask = disc((20, 20), (10, 10), 4)
    session.annotate(1, 20, mask)
    session.annotate(1, 41, mask)
    for index in range(5, 50):
        if index not in (20, 41):
            session.accept(1, index, mask, 0.3 if index == 33 else 0.8)
    chosen = choose_slices(session)
    assert len(chosen) == 12
    assert {4, 20, 33, 41, 50} <= set(chosen)
    assert max(np.diff(chosen)) <= 9  # and none is far from one that is shown


def test_a_session_that_shows_nothing_has_a_picture_of_its_slices(tmp_path):
    stack, truth = drifting_disc()
    empty = AnnotationSession(stack)
    empty.confirm(1, 3)
    assert len(choose_slices(empty)) == 12
    assert truth.any()


def test_the_window_stays_within_the_slice_and_is_square_in_millimetres():
    window = square_window((slice(0, 6), slice(40, 44)), (2.0, 1.0), (60, 200))
    for places, count in ((window.rows, 60), (window.columns, 200)):
        assert places.min() >= -0.5
        assert places.max() <= count - 0.5
    assert np.ptp(window.rows) * 2.0 == pytest.approx(np.ptp(window.columns) * 1.0)


def test_a_picture_of_a_seed_with_several_labels_has_their_colours(tmp_path):
    case = make_case(tmp_path)
    seed = read(case["seed"])
    seed[7, :, :23][seed[7, :, :23] > 0] = 2
    write(tmp_path / "two.nii.gz", seed)
    assert (
        propagate(case | {"seed": tmp_path / "two.nii.gz"}, tmp_path / "o.nrrd", "--picture") == 0
    )
    picture = read(tmp_path / "o.png")
    for label in (1, 2):
        assert share(picture, color_of(Segment.plain(label))) > 0.001
