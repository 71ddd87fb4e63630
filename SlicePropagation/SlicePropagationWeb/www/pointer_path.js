// The path of the mouse while a button is down. trame-rca sends a position, waits for the answer and
// skips the positions in between: on a slow network or a busy machine the corners of an outline would
// be lost. Here they are kept, and go with the next position that is sent (see pointer_path.py).
(() => {
  const TOLERANCE = 0.75; // pixels that a corner may be off
  const MAX_POINTS = 500;
  const CLICK_MS = 400; // between the presses of a double click
  const CLICK_PIXELS = 6;
  let path = [];
  // Of each press that is not sent yet: how many came at its place shortly after each other.
  const clicks = [];
  let pressed = null;

  function count(event) {
    const isAgain =
      pressed &&
      event.timeStamp - pressed.timeStamp < CLICK_MS &&
      Math.hypot(event.clientX - pressed.clientX, event.clientY - pressed.clientY) < CLICK_PIXELS;
    const number = isAgain ? pressed.number + 1 : 1;
    const { timeStamp, clientX, clientY } = event;
    pressed = { timeStamp, clientX, clientY, number };
    clicks.push(number);
  }

  function note(event) {
    if (!event.target.closest(".remote-controlled-area")) return;
    if (event.type === "pointerdown") {
      path = [];
      if (event.button === 0) count(event);
    }
    if (!event.buttons) return;
    const passed = (event.getCoalescedEvents && event.getCoalescedEvents()) || [];
    for (const one of passed.length ? passed : [event]) path.push([one.clientX, one.clientY]);
    if (path.length > 20 * MAX_POINTS) path = corners(path);
  }
  window.addEventListener("pointerdown", note, true);
  window.addEventListener("pointermove", note, true);

  // Douglas and Peucker, 1973: the ends, and the points that lie off the line between their neighbours.
  function corners(points) {
    if (points.length < 3) return points;
    const [[x0, y0], [x1, y1]] = [points[0], points[points.length - 1]];
    const length = Math.hypot(x1 - x0, y1 - y0);
    const off = ([x, y]) => {
      if (!length) return Math.hypot(x - x0, y - y0);
      return Math.abs((x1 - x0) * (y0 - y) - (x0 - x) * (y1 - y0)) / length;
    };
    let far = 0;
    for (let i = 1; i < points.length - 1; i += 1) {
      if (off(points[i]) > off(points[far])) far = i;
    }
    if (off(points[far]) <= TOLERANCE) return [points[0], points[points.length - 1]];
    return [...corners(points.slice(0, far + 1)).slice(0, -1), ...corners(points.slice(far))];
  }

  // What was skipped before the position of a mouse event, in the frame that the event counts in:
  // x to the right, y up.
  function skippedPath(event, last) {
    const isHere = ([x, y]) => {
      const right = x - last[0] - (event.x - last[2]);
      const up = last[1] - y - (event.y - last[3]);
      return Math.abs(right) < 1 && Math.abs(up) < 1;
    };
    const here = path.findLastIndex(isHere); // the last: an outline ends where it began
    if (here < 0) return [];
    const [x, y] = path[here];
    const skipped = corners(path.splice(0, here + 1)).slice(0, -1).slice(-MAX_POINTS);
    return skipped.map((point) => [event.x + point[0] - x, event.y - (point[1] - y)]);
  }

  // A session that sends what was skipped along with each position.
  function attending(session) {
    let last = null; // where the button went down: in the window, and in the view
    const call = (method, values, ...rest) => {
      const event = method === "trame.rca.event" && values[2];
      const { strokes } = window.slicePropagation || {}; // see brush_canvas.js
      let stroke = null;
      if (event && event.type === "LeftButtonPress") {
        values = [values[0], values[1], { ...event, clicks: clicks.shift() || 1 }];
        last = path.length ? [...path[0], event.x, event.y] : null;
        if (strokes) strokes.pressSent();
      } else if (event && last && ["MouseMove", "LeftButtonRelease"].includes(event.type)) {
        const skipped = skippedPath(event, last);
        if (skipped.length) values = [values[0], values[1], { ...event, pointerPath: skipped }];
        if (event.type === "LeftButtonRelease") last = null;
      }
      if (strokes && event && event.type === "LeftButtonRelease") stroke = strokes.releaseSent();
      if (stroke) values = [values[0], values[1], { ...values[2], stroke: stroke.number }];
      const answer = session.call(method, values, ...rest);
      if (stroke) strokes.answered(stroke, answer);
      return answer;
    };
    return { ...session, call };
  }

  // The objects on the way to the session are frozen: each is replaced by one that leads to ours.
  // The views ask for it when they are made.
  const wait = () => {
    const client = window.trame && window.trame.client;
    const connection = client && client.getConnection && client.getConnection();
    if (!connection || !connection.getSession()) {
      setTimeout(wait, 1);
      return;
    }
    const session = attending(connection.getSession());
    const ours = { ...connection, getSession: () => session };
    window.trame.client = { ...client, getConnection: () => ours };
  };
  wait();
})();
