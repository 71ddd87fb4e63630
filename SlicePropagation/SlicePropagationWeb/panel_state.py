"""What the page shows, as plain values that travel to the browser."""

from dataclasses import dataclass, field
from typing import Any, TypeAlias

StateNames: TypeAlias = Any  # has PanelState's attributes: the values' names in the browser


@dataclass
class PanelState:
    """State of the page; its texts are the ones that a person reads.

    Attributes:
        volume_number: of the volume that is open, which pictures of it carry.
        why: reasons of `view_state`, empty where a command can be given.
        cells: the slice strip.
        index: slice shown in the large view.
        span: first and last slice that may be predicted, unless the walk goes to_the_end of the
            structure.
        renamed: the segment whose name is being written; measures: the table of all segments.
        scope: which segments the next run fills, "selected" or "drawn".
        window: width and level of the intensities; is_ct: whether they are Hounsfield units.
        second_name: the image that is shown over the volume, or empty; second_share: how much of it,
            in percent; sets_second: whether window and level are those of it.
        second_images: what can be shown so; second_choices: the volumes of a folder among it;
            second_problem: why one could not.
        fill: opacity of the segments in percent; outline: whether they have one.
        crosshair: whether it is shown; maximised: the view that has all the room.
        corners: what stands at the edges of the slice views; pointer: what lies under it.
        is_playing: whether the slices go by on their own.
        after_correction: whether a correction redoes its gap by itself, one of `AFTER_CORRECTION`.
        limits: which intensities tools and runs may write on; empty where all.
        overwrite: what happens to other segments, as `MaskingRules.overwrite` says.
        reach: how far a tool reaches, one of `REACHES`; reach_span: first and last slice of a range.
        threshold: lowest and highest intensity of the tool; threshold_bounds: those of the volume.
        scissors: what they do, one of `CUTS`; outline_mode: how outlines are drawn, of `OUTLINES`.
        brush_mm: diameter of the brush; brush_bounds: smallest and largest; sphere: whether it is
            a ball; smart: whether it keeps to intensities within tolerance of where a stroke begins.
        margin: how far a mask grows or shrinks, in margin_unit.
        follow: whether the slice views follow a run.
        has_device: whether the engine chosen runs on a device that can be chosen.
        adapts: whether it learns from annotated slices; adapt_hint: what that means, adapt_reason:
            why it cannot.
        planes: the axes by anatomical name, with their angle where they are oblique.
        cell, cell_text: the slice of the strip that the mouse rests on, and what is to be said of
            it.
        notes: what the engines are.
        images, segmentations: what the Open dialog lists; find: what the titles must hold.
        recent: the volumes that were opened last.
        choices: the volumes of a DICOM folder, one of which is to be chosen.
        upload_text: what can be uploaded.
        may_fetch: whether a URL can be typed; url: what is typed; is_fetching: whether it is read.
        offer: what an autosave holds, and why it could not be shown; None when there is none to
            offer.
        first_models: what *Segment first* lists; first_reason: why none of it can run.
        has_cases: whether there is a worklist; is_cases: whether it is shown.
        cases: a window of its rows, as `CaseList` tells them; case: the one that is open.
        cases_find: what their names or paths must hold; cases_status: which ones are shown;
            cases_order: of `ORDERS`.
        is_export: whether that dialog is open; export_scope: of `SCOPES`; export_kinds: of `KINDS`.
        export_text: what came of it; export_percent: how far it is, -1 while none is made;
            exported: name of the zip file that can be downloaded.
        owner: the tab that the session belongs to.
    """

    volume_name: str = ""
    volume_text: str = ""
    volume_number: int = 0
    segments: list[dict] = field(default_factory=list)
    segment_id: str = ""
    tool: str = "none"
    plane: str = "axial"
    num_slices: int = 0
    span: list[int] = field(default_factory=lambda: [0, 0])
    direction: str = "both"
    directions: list[dict] = field(default_factory=list)
    engine: str = ""
    engines: list[dict] = field(default_factory=list)
    device: str = "auto"
    keys: dict = field(default_factory=dict)
    is_running: bool = False
    is_waiting: bool = False
    step: int = 0
    num_steps: int = 0
    progress_text: str = ""
    cells: list[dict] = field(default_factory=list)
    index: int = 0
    summary: str = ""
    after_correction: str = "quick"
    show_3d: bool = False
    limits: list[float] = field(default_factory=list)
    overwrite: str = "all"
    reach: str = "slice"
    reach_span: list[int] = field(default_factory=lambda: [0, 0])
    threshold: list[float] = field(default_factory=lambda: [0.0, 1.0])
    threshold_bounds: list[float] = field(default_factory=lambda: [0.0, 1.0])
    scissors: str = "erase_inside"
    outline_mode: str = "freehand"
    brush_mm: float = 0.0
    brush_bounds: list[float] = field(default_factory=lambda: [0.5, 50.0])
    sphere: bool = False
    smart: bool = False
    tolerance: float = 0.0
    margin: float = 1.0
    margin_unit: str = "mm"
    to_the_end: bool = True
    follow: bool = True
    has_device: bool = False
    adapts: bool = False
    adapt_hint: str = ""
    adapt_reason: str = ""
    planes: list[dict] = field(default_factory=list)
    cell: int = -1
    cell_text: str = ""
    is_details: bool = False
    is_table: bool = False
    measures: list[dict] = field(default_factory=list)
    renamed: str = ""
    is_keys: bool = False
    scope: str = "selected"
    window: list[float] = field(default_factory=lambda: [1.0, 0.5])
    is_ct: bool = False
    second_name: str = ""
    second_share: int = 0
    sets_second: bool = False
    second_images: list[dict] = field(default_factory=list)
    second_choices: list[dict] = field(default_factory=list)
    second_problem: str = ""
    is_second_dialog: bool = False
    fill: int = 35
    outline: bool = True
    crosshair: bool = False
    maximised: str = ""
    corners: dict = field(default_factory=dict)
    pointer: dict = field(default_factory=dict)
    trace: dict = field(default_factory=dict)
    is_playing: bool = False
    notes: list[dict] = field(default_factory=list)
    why: dict = field(default_factory=dict)
    message: str = ""
    is_error: bool = False
    is_warning: bool = False
    loading: str = ""
    loading_stage: str = ""
    loading_percent: int = -1
    is_open_dialog: bool = False
    images: list[dict] = field(default_factory=list)
    segmentations: list[dict] = field(default_factory=list)
    recent: list[dict] = field(default_factory=list)
    choices: list[dict] = field(default_factory=list)
    find: str = ""
    upload: int = -1
    upload_text: str = ""
    may_fetch: bool = False
    url: str = ""
    is_fetching: bool = False
    save_name: str = "segmentation"
    save_suffix: str = ".seg.nrrd"
    exports: list[str] = field(default_factory=list)
    saved: list[str] = field(default_factory=list)
    is_saving: bool = False
    is_save_dialog: bool = False
    offer: dict | None = None
    is_first_dialog: bool = False
    first_models: list[dict] = field(default_factory=list)
    first_reason: str = ""
    has_cases: bool = False
    is_cases: bool = False
    cases: dict = field(default_factory=dict)
    case: dict = field(default_factory=dict)
    cases_find: str = ""
    cases_status: str = "all"
    cases_order: str = "given"
    is_export: bool = False
    export_scope: str = "case"
    export_kinds: list[str] = field(default_factory=lambda: ["report"])
    export_text: str = ""
    export_percent: int = -1
    exported: str = ""
    owner: str = ""
