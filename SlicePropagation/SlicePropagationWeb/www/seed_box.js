// The box that is dragged with "Click to seed", drawn at once whatever the server does.
(() => {
  const state = (name) => window.trame && window.trame.state.get(`work__PanelState__${name}`);
  let began = null;
  let box = null;

  function draw(event) {
    const [left, right] = [began.clientX, event.clientX].sort((a, b) => a - b);
    const [top, bottom] = [began.clientY, event.clientY].sort((a, b) => a - b);
    const size = { left, top, width: right - left, height: bottom - top };
    for (const [name, value] of Object.entries(size)) box.style[name] = `${value}px`;
  }

  function end() {
    if (box) box.remove();
    began = null;
    box = null;
  }

  window.addEventListener("pointerdown", (event) => {
    end();
    const view = event.target.closest(".remote-controlled-area");
    const isSlice = view && view.parentElement.querySelector("[data-edges]");
    if (event.button !== 0 || !isSlice || state("tool") !== "seed") return;
    began = { clientX: event.clientX, clientY: event.clientY };
    box = document.createElement("div");
    box.className = "sp-seed-box";
    document.body.append(box);
  }, true);
  window.addEventListener("pointermove", (event) => began && draw(event), true);
  window.addEventListener("pointerup", end, true);
  window.addEventListener("pointercancel", end, true);
})();
