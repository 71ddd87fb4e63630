"""What happens to the page when it loses the program, and finds it or another one again."""

from urllib.parse import urlsplit

from at_the_page import paint, save
from cable import Cable
from web_bench import open_page


def test_a_network_that_is_gone_for_a_while_costs_nothing_and_the_page_comes_back_by_itself(
    browser,
    tmp_path,
    start,
):
    cable = Cable(start(tmp_path, "sample").address)
    page = open_page(browser, cable.address)
    paint(page)
    page.keyboard.press("p")
    page.wait_for_selector(".sp-propagated", state="attached")
    cable.pull()
    page.wait_for_selector("text=The program has ended, or cannot be reached")
    page.wait_for_timeout(5000)
    cable.plug()
    page.wait_for_selector("text=Done in")
    assert page.locator(".sp-seed").count() == 1
    assert page.get_by_text("in use in another tab").count() == 0
    save(page)
    page.close()
    cable.cut()


def test_a_page_whose_program_was_started_again_says_where_it_is_and_goes_on_with_its_token(
    browser,
    tmp_path,
    start,
):
    first = start(tmp_path, "sample")
    page = open_page(browser, first.address)
    page.wait_for_selector("[data-slice]", state="attached")
    first.kill()
    page.wait_for_selector("text=The program has ended, or cannot be reached")
    again = start(tmp_path, "sample", "--port", urlsplit(first.address).port)
    page.wait_for_selector("text=It was started again: open the address that it printed")
    with page.expect_popup() as opened:  # in the same browser, as the program itself does
        page.evaluate("(address) => void window.open(address)", again.address)
    page.wait_for_selector("text=in use in another tab")
    opened.value.close()
    page.close()
