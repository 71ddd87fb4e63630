"""What every test may ask for: the folder of real data, where it is present."""

import os
import sys
from pathlib import Path

import pytest

# A fresh environment is not compiled, and some systems forbid Python to keep what it compiles:
# every program that a test starts would compile PyTorch anew, four times the time of all else.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

if "PYTEST_XDIST_WORKER" in os.environ:
    # Processes that share the cores wait for one another's threads: tests took twice as long.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

OWN_PACKAGES = (
    "SlicePropagationLib",
    "SlicePropagationMRML",
    "SlicePropagationGUI",
    "SlicePropagationWeb",
)
CHECKOUT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption(
        "--data",
        type=Path,
        default=CHECKOUT.parent / "shared" / "data",
        help="folder with cases.csv and the data sets; default: ../shared/data beside the checkout",
    )


def pytest_configure(config):
    """Files are given to the workers in the order of `pytest_collection_modifyitems`."""
    if hasattr(config.option, "loadscopereorder"):  # there with pytest-xdist alone
        config.option.loadscopereorder = False


def pytest_collection_modifyitems(items):
    """Spread the files of the page, which take minutes each, over all others.

    So that two do not compete for the cores, and none is left for the end.
    """
    files = list(dict.fromkeys(item.path for item in items))
    slow = [path for path in files if path.parent.name == "Web"]
    quick = [path for path in files if path.parent.name != "Web"]
    places = {path: place / len(quick) for place, path in enumerate(quick)}
    last_first = reversed(slow)  # what goes through all of the page's work is among the last
    places |= {path: 0.8 * place / len(slow) for place, path in enumerate(last_first)}
    items.sort(key=lambda item: places[item.path])


@pytest.fixture(scope="session")
def data_dir(request):
    """The folder that holds `cases.csv`; a test that needs it is skipped where it is absent."""
    folder = request.config.getoption("--data").resolve()
    if not (folder / "cases.csv").is_file():
        pytest.skip(f"There is no cases.csv in {folder}; name the data folder with --data.")
    return folder


@pytest.fixture(autouse=True)
def reloads_end_with_their_test():
    """A reload of the module in Slicer forgets our packages.

    Other tests hold classes of the ones that they imported first.
    """

    def own_modules():
        return {
            name: module
            for name, module in list(sys.modules.items())  # a server may import beside us
            if name.startswith(OWN_PACKAGES)
        }

    before = own_modules()
    yield
    if any(sys.modules.get(name) is not module for name, module in before.items()):
        for name in own_modules():
            del sys.modules[name]
        sys.modules.update(before)
