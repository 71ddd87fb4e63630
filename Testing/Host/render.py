"""Write a PNG of a module's panel as the host shows it.

Usage: python Testing/Host/render.py OUT.png [--module FILE.py] [--width 400] [--height N]
    [--palette light|dark] [--state FILE.py]

FILE.py of --state has a function `prepare(widget)` that brings the panel (the module's Python
widget object) into the state to be shown.
"""

import argparse
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MODULE = HERE.parents[1] / "SlicePropagation" / "SlicePropagation.py"


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the PNG to write")
    parser.add_argument(
        "--module",
        type=Path,
        default=MODULE,
        help="a scripted module; default: this extension's",
    )
    parser.add_argument(
        "--width",
        type=int,
        default=400,
        help="pixels; default: 400",
    )
    parser.add_argument("--height", type=int, help="pixels; default: what the contents need")
    parser.add_argument("--palette", choices=["light", "dark"], default="light")
    parser.add_argument("--state", type=Path, help="a Python file with prepare(widget)")
    options = parser.parse_args(arguments)
    sys.path[:0] = [str(HERE)]
    from host import picture, slicerenv

    slicerenv.bootstrap()
    picture.use_palette(options.palette)
    _, _, widget, panel = slicerenv.load_module(options.module)
    if options.state:
        runpy.run_path(str(options.state))["prepare"](widget)
    width, height = picture.take(panel, options.out, options.width, options.height, options.palette)
    print(f"{options.out}: {width} x {height}, {options.palette}")
    slicerenv.unload_module(options.module.stem)
    if slicerenv.slot_errors:
        return 1
    if width > options.width:
        print(
            f"The contents do not fit: they need {width} pixels, {options.width} were asked for.",
            file=sys.stderr,
        )
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
