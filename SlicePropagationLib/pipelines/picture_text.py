"""Words on a picture, in letters of 5 x 7 pixels: no font is needed.

It has the letters of the words that pictures say; others are left blank.
"""

import numpy as np
from scipy import ndimage

HEIGHT = 7
WIDTH = 5
PITCH = WIDTH + 1  # from a letter to the next
SHEETS = {
    "0123456789abcd": (
        " ###    #    ###   ###     #  #####  ###  #####  ###   ###        #               #",
        "#   #  ##   #   # #   #   ##  #     #         # #   # #   #       #               #",
        "#  ##   #       #     #  # #  ####  #        #  #   # #   #  ###  ####   ###   ####",
        "# # #   #     ##    ##  #  #      # ####    #    ###   ####     # #   # #     #   #",
        "##  #   #    #        # #####     # #   #   #   #   #     #  #### #   # #     #   #",
        "#   #   #   #     #   #    #  #   # #   #  #    #   #     # #   # #   # #   # #   #",
        " ###   ###  #####  ###     #   ###   ###   #     ###   ###   #### ####   ###   ####",
    ),
    "efhiklmnorstuw": (
        "        ##  #       #   #      ##                                  #               ",
        "       #    #           #       #                                  #               ",
        " ###  ###   ####   ##   #  #    #   ## #  ####   ###  # ##   #### ###   #   # #   #",
        "#   #  #    #   #   #   # #     #   # # # #   # #   # ##    #      #    #   # #   #",
        "#####  #    #   #   #   ##      #   # # # #   # #   # #      ###   #    #   # # # #",
        "#      #    #   #   #   # #     #   # # # #   # #   # #         #  #  # #   # # # #",
        " ###   #    #   #  ###  #  #   ###  # # # #   #  ###  #     ####    ##   ####  # # ",
    ),
    ".-": (
        "           ",
        "           ",
        "           ",
        "       ### ",
        "           ",
        " ##        ",
        " ##        ",
    ),
}
BLACK = (0, 0, 0)


def draw_text(
    picture: np.ndarray,
    text: str,
    place: tuple[int, int],
    color: tuple[int, int, int],
    scale: int = 2,
) -> None:
    """Write words with a black edge, so that they can be read on any ground.

    Args:
        picture: (H, W, 3) uint8, changed in place.
        text: the words; they end at the picture's edge.
        place: row and column of their upper left corner.
        color: red, green, blue.
        scale: pixels of the picture for one of a letter.
    """
    letters = np.kron(text_mask(text), np.ones((scale, scale), bool))
    letters = np.pad(letters, scale)
    reach = np.ones((2 * scale - 1, 2 * scale - 1), bool)
    edge = np.asarray(ndimage.binary_dilation(letters, reach), bool)
    top, left = (max(0, start - scale) for start in place)
    part = picture[top : top + len(letters), left : left + letters.shape[1]]
    height, width, _ = part.shape
    part[edge[:height, :width]] = BLACK
    part[letters[:height, :width]] = color


def text_mask(text: str) -> np.ndarray:
    """(7, 6 * letters) bool, where the letters of a text are."""
    mask = np.zeros((HEIGHT, PITCH * len(text)), bool)
    for position, letter in enumerate(text):
        for letters, rows in SHEETS.items():
            if letter in letters:
                start = PITCH * letters.index(letter)
                glyph = [[cell == "#" for cell in row[start : start + WIDTH]] for row in rows]
                mask[:, PITCH * position : PITCH * position + WIDTH] = glyph
    return mask
