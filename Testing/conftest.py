"""What every test may ask for: the folder of real data, where it is present."""

from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[1]


def pytest_addoption(parser):
    parser.addoption("--data", type=Path, default=CHECKOUT.parent / "shared" / "data",
                     help="folder with cases.csv and the data sets; default: ../shared/data beside the checkout")


@pytest.fixture(scope="session")
def data_dir(request):
    """The folder that holds `cases.csv`; a test that needs it is skipped where it is absent."""
    folder = request.config.getoption("--data").resolve()
    if not (folder / "cases.csv").is_file():
        pytest.skip(f"There is no cases.csv in {folder}; name the data folder with --data.")
    return folder
