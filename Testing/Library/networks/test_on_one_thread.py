"""A small network at work does not change what else PyTorch does, once it is done."""

import threading

import pytest

torch = pytest.importorskip("torch")

from SlicePropagationLib.networks.on_one_thread import on_one_thread


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_it_has_one_thread_and_the_others_are_given_back():
    with on_one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_they_are_given_back_after_an_error_too():
    with pytest.raises(ValueError, match="broken"), on_one_thread():
        raise ValueError("broken")
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_of_two_at_work_the_last_one_gives_them_back():
    first_is_in, second_is_in, first_is_out = (threading.Event() for _ in range(3))
    seen = []

    def first():
        with on_one_thread():
            first_is_in.set()
            second_is_in.wait(10)
        first_is_out.set()

    def second():
        first_is_in.wait(10)
        with on_one_thread():
            second_is_in.set()
            first_is_out.wait(10)
            seen.append(torch.get_num_threads())

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert seen == [1]
    assert torch.get_num_threads() == 3
