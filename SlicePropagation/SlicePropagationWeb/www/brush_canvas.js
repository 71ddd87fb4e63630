// The brush at once, whatever the server does: its ring follows the pointer, and a stroke is seen while
// it is drawn and until a picture of the server shows it. Lengths are mm in the plane of a view, so that
// a stroke stays where it was drawn when the view is zoomed or moved.
(() => {
  const PATIENCE_MS = 2000; // for the picture, once the server has taken the stroke
  const DECODED_MS = 100; // after which the newest picture is on the screen, too
  const BRUSHES = ["paint", "erase"];
  const ERASED = "#14171c";
  const PLAIN = "#f2f4f7";
  const DEPTH_MM = 0.01; // between slices that are the same one
  const WATCHED = ["tool", "brush_mm", "corners", "segments", "segment_id", "smart"];
  const state = (name) => window.trame && window.trame.state.get(`work__PanelState__${name}`);

  let hover = null; // the view that the pointer is in, and where: {tag, x, y}
  let drawn = null; // the stroke whose button is down
  let strokes = []; // those that no picture shows yet
  let number = Date.now(); // of the last stroke; grows also over a reload
  let isDue = false;
  const presses = []; // of each press of the left button that is not sent yet: its stroke, or null
  let sent = null; // the stroke whose press is sent, and its release is not

  const canvasOf = (tag) => document.querySelector(`[data-brush="${tag}"]`);
  const planeOf = (tag) => ((state("corners") || {})[tag] || {}).plane;
  const isBrush = () => BRUSHES.includes(state("tool"));

  function sliceView(target) {
    const area = target.closest && target.closest(".remote-controlled-area");
    const canvas = area && area.parentElement.querySelector("[data-brush]");
    return canvas ? { tag: canvas.dataset.brush, box: canvas.getBoundingClientRect() } : null;
  }

  // From pixels of a view to mm in its plane, and back.
  function scaleOf(tag) {
    const canvas = canvasOf(tag);
    const plane = planeOf(tag);
    if (!canvas || !plane || !canvas.clientWidth) return null;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const mm = plane.width / width;
    return {
      mm,
      depth: plane.depth,
      toPlane: ([x, y]) => [plane.u + (x - width / 2) * mm, plane.v - (y - height / 2) * mm],
      toPixels: ([u, v]) => [width / 2 + (u - plane.u) / mm, height / 2 - (v - plane.v) / mm],
    };
  }

  function colorNow() {
    if (state("tool") === "erase") return PLAIN;
    const chosen = (state("segments") || []).find((one) => one.id === state("segment_id"));
    return chosen ? chosen.color : PLAIN;
  }

  // Strokes

  function begin(view, scale, place) {
    number += 1;
    drawn = {
      number,
      tag: view.tag,
      depth: scale.depth,
      size: state("brush_mm"),
      isErased: state("tool") === "erase",
      isSmart: !!state("smart") && state("tool") === "paint",
      color: colorNow(),
      points: [scale.toPlane(place)],
    };
    strokes.push(drawn);
  }

  function drop(stroke) {
    strokes = strokes.filter((one) => one !== stroke);
    if (drawn === stroke) drawn = null;
    later();
  }

  function pressed(event) {
    if (event.button !== 0 || !event.target.closest || !event.target.closest(".remote-controlled-area")) return;
    drawn = null;
    const view = isBrush() ? sliceView(event.target) : null;
    const scale = view && scaleOf(view.tag);
    if (scale) begin(view, scale, [event.clientX - view.box.left, event.clientY - view.box.top]);
    presses.push(drawn);
    later();
  }

  function moved(event) {
    const view = sliceView(event.target);
    const isDrag = event.buttons !== 0 && !drawn; // moves the picture, or its window
    const place = view && [event.clientX - view.box.left, event.clientY - view.box.top];
    hover = view && !isDrag && isBrush() ? { tag: view.tag, x: place[0], y: place[1] } : null;
    if (drawn && !(event.buttons & 1)) drawn = null; // the button came up where nobody saw it
    if (drawn) follow(event);
    later();
  }

  function follow(event) {
    const scale = scaleOf(drawn.tag);
    if (!scale) return;
    const box = canvasOf(drawn.tag).getBoundingClientRect();
    const passed = (event.getCoalescedEvents && event.getCoalescedEvents()) || [];
    for (const one of passed.length ? passed : [event]) {
      drawn.points.push(scale.toPlane([one.clientX - box.left, one.clientY - box.top]));
    }
  }

  window.addEventListener("pointerdown", pressed, true);
  window.addEventListener("pointermove", moved, true);
  window.addEventListener("pointerup", (event) => {
    if (event.button === 0) drawn = null;
    later();
  }, true);
  window.addEventListener("pointercancel", () => drawn && drop(drawn), true);
  document.documentElement.addEventListener("pointerleave", () => {
    hover = null;
    later();
  });

  // What `pointer_path.js` says of its messages to the server.
  const messages = {
    pressSent() {
      if (sent) drop(sent); // its release got lost
      sent = presses.shift() || null;
    },
    // The stroke that ends with a release, which carries its number.
    releaseSent() {
      const stroke = sent;
      sent = null;
      return stroke;
    },
    async answered(stroke, answer) {
      try {
        await answer;
        setTimeout(drop, PATIENCE_MS, stroke);
      } catch {
        drop(stroke); // refused
      }
    },
  };

  // Pictures of the server: the number in them says which strokes were taken before.

  function pictured(name, shown) {
    for (const stroke of strokes) {
      if (stroke.tag === name && stroke.number <= shown) stroke.isPictured = true;
    }
  }

  document.addEventListener("load", (event) => {
    const view = event.target.tagName === "IMG" && sliceView(event.target);
    if (!view) return;
    const done = strokes.filter((one) => one.tag === view.tag && one.isPictured);
    const decoded = event.target.decode().catch(() => {}); // refused where the next one is there
    for (const stroke of done) decoded.then(() => setTimeout(drop, DECODED_MS, stroke));
  }, true);

  // Drawing

  function later() {
    if (isDue) return;
    isDue = true;
    requestAnimationFrame(() => {
      isDue = false;
      for (const canvas of document.querySelectorAll("[data-brush]")) draw(canvas);
    });
  }

  function draw(canvas) {
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const size = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== size[0]) canvas.width = size[0];
    if (canvas.height !== size[1]) canvas.height = size[1];
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const tag = canvas.dataset.brush;
    const scale = scaleOf(tag);
    if (!scale) return;
    for (const stroke of strokes) if (stroke.tag === tag) drawStroke(pen, scale, stroke);
    if (hover && hover.tag === tag && isBrush()) drawRing(pen, scale);
  }

  function drawStroke(pen, scale, stroke) {
    if (Math.abs(stroke.depth - scale.depth) > DEPTH_MM) return; // another slice is shown
    const [first, ...others] = stroke.points.map(scale.toPixels);
    pen.save();
    pen.lineCap = pen.lineJoin = "round";
    pen.beginPath();
    pen.moveTo(...first);
    pen.lineTo(first[0] + 0.01, first[1]); // a click is a dot
    for (const point of others) pen.lineTo(...point);
    const width = Math.max(stroke.size / scale.mm, 1);
    for (const [color, alpha, more] of layersOf(stroke)) {
      pen.strokeStyle = color;
      pen.globalAlpha = alpha;
      pen.lineWidth = width + more;
      pen.stroke();
    }
    pen.restore();
  }

  // Colour, opacity and what is added to the width. What is erased is veiled, with a light edge.
  function layersOf(stroke) {
    if (stroke.isErased) return [[PLAIN, 0.35, 2], [ERASED, 0.6, 0]];
    return [[stroke.color, stroke.isSmart ? 0.25 : 0.5, 0]];
  }

  function drawRing(pen, scale) {
    const radius = Math.max(state("brush_mm") / scale.mm / 2, 1);
    pen.save();
    if (state("tool") === "erase") pen.setLineDash([5, 4]);
    for (const [color, width] of [["rgba(0, 0, 0, .6)", 3.5], [colorNow(), 1.5]]) {
      pen.strokeStyle = color;
      pen.lineWidth = width;
      pen.beginPath();
      pen.arc(hover.x, hover.y, radius, 0, 2 * Math.PI);
      pen.stroke();
    }
    pen.restore();
  }

  // Scripts come in any order.
  window.slicePropagation = Object.assign(window.slicePropagation || {}, { strokes: messages });
  new ResizeObserver(later).observe(document.documentElement);
  const wait = () => {
    const client = window.trame && window.trame.client;
    const session = client && client.getConnection && client.getConnection() && client.getConnection().getSession();
    if (!session) {
      setTimeout(wait, 10);
      return;
    }
    session.subscribe("trame.rca.topic.stream", ([{ name, meta }]) => pictured(name, meta.stroke || 0));
    window.trame.state.watch(WATCHED.map((name) => `work__PanelState__${name}`), later);
  };
  wait();
})();
