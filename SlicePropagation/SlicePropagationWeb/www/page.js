// What the page does in the browser itself: which tab this is, keys, uploads.
(() => {
  const KEY = "slice-propagation-tab";
  // Kept over a reload, but not copied into a duplicated tab.
  const kept = sessionStorage.getItem(KEY);
  sessionStorage.removeItem(KEY);
  const hex = (byte) => byte.toString(16).padStart(2, "0");
  const random = () => Array.from(crypto.getRandomValues(new Uint8Array(12)), hex).join("");
  const tab = kept || random();
  window.addEventListener("pagehide", () => sessionStorage.setItem(KEY, tab));

  const set = (name, value) => window.trame.state.set(name, value);

  let request = null;

  function upload(files, progressName) {
    if (!files || !files.length || request) return;
    const form = new FormData();
    for (const file of files) form.append("file", file, file.droppedPath || file.webkitRelativePath || file.name);
    request = new XMLHttpRequest();
    set(progressName, 0);
    request.upload.onprogress = (event) => set(progressName, Math.round((100 * event.loaded) / event.total));
    request.onloadend = () => {
      request = null;
      set(progressName, -1);
    };
    request.open("POST", "upload");
    request.setRequestHeader("X-Slice-Propagation-Tab", tab);
    request.send(form);
  }

  function cancel() {
    if (request) request.abort();
  }

  function pick(progressName, isFolder) {
    const input = document.createElement("input");
    input.type = "file";
    if (isFolder) input.webkitdirectory = true;
    else input.multiple = true;
    input.onchange = () => upload(input.files, progressName);
    input.click();
  }

  const state = (name) => window.trame.state.get(`work__PanelState__${name}`);
  const give = (...command) => window.trame.trigger("command", command);

  // The views catch keys with an input of their own, which nobody types into; nor does one type into
  // a list to choose from, though it keeps the focus after a choice.
  const TYPED = ["text", "number", "search"];
  const isTyping = (element) => {
    if (element.tagName === "TEXTAREA") return true;
    if (element.tagName !== "INPUT" || !TYPED.includes(element.type)) return false;
    return !element.closest(".v-select") && !!element.closest(".v-field, .sp-segment, .sp-typed");
  };

  // What has the focus and does something with the arrow keys, Home, End or the space bar itself.
  const MOVING = [".v-slider", ".v-radio-group", ".v-overlay--active .v-overlay__content", "input[type=color]"].join();
  const PRESSED = ["button", "a", "input", ".v-select"].join();
  const usesKey = (element, key) => {
    if (element.closest("[aria-expanded=true]") && element.closest(".v-select, .v-menu")) return true;
    // In a menu the arrows go to another entry, and Escape closes it.
    if (key.length > 1 && document.querySelector(".v-menu.v-overlay--active")) return true;
    if (key === " ") return !!element.closest(PRESSED) && element.matches(":focus-visible");
    return key.length > 1 && key !== "Escape" && !!element.closest(MOVING);
  };

  // A letter is the same key with Caps Lock and with Shift.
  const nameOf = (event) => {
    const isLetter = event.key.length === 1;
    const withControl = event.ctrlKey || event.metaKey;
    const shift = event.shiftKey && (withControl || !isLetter) ? "Shift+" : "";
    return (withControl ? "Ctrl+" : "") + shift + (isLetter ? event.key.toLowerCase() : event.key);
  };

  // Steps that come faster than they are shown are taken in one.
  let steps = 0;
  let isStepping = false;
  async function step(number) {
    steps += number;
    if (isStepping) return;
    isStepping = true;
    try {
      while (steps) {
        const now = steps;
        steps = 0;
        await give("step", now);
      }
    } finally {
      isStepping = false;
    }
  }

  // What keys do to the polygon that a person is drawing.
  const OUTLINE = { Enter: "close_outline", Escape: "drop_outline", Backspace: "shorten_outline" };
  const ofOutline = (key) => {
    const isDrawing = ["draw", "scissors"].includes(state("tool"));
    const isPolygon = isDrawing && state("outline_mode") === "polygon" && !state("is_running");
    return isPolygon && OUTLINE[key] ? [OUTLINE[key]] : null;
  };

  window.addEventListener("keydown", (event) => {
    if (isTyping(event.target) || event.altKey || !window.trame || state("owner") !== tab) return;
    if (document.querySelector(".sp-steps")) return;
    const key = nameOf(event);
    const command = ofOutline(key) || (state("keys") || {})[key];
    const hasDialog = document.querySelector(".v-dialog.v-overlay--active");
    if (!command || (hasDialog && !key.startsWith("Ctrl+")) || usesKey(event.target, key)) return;
    event.preventDefault();
    event.stopPropagation();
    if (command[0] === "step") step(command[1]);
    else if (!event.repeat) give(...command);
  }, true);

  // A button that is disabled by its own click loses the focus. The dialog takes it, and Escape closes it still.
  window.addEventListener("keydown", (event) => {
    const dialog = [...document.querySelectorAll(".v-dialog.v-overlay--active .v-overlay__content")].pop();
    if (!event.isTrusted || !dialog || document.activeElement !== document.body) return;
    dialog.focus();
    if (event.key === "Escape") dialog.dispatchEvent(new KeyboardEvent("keydown", { key: "Escape", bubbles: true }));
  }, true);

  // A double click on a view gives it all the room, where the first click draws nothing.
  window.addEventListener("dblclick", (event) => {
    const view = event.target.closest(".remote-controlled-area");
    const name = view && view.parentElement.querySelector("[data-view]");
    if (!name || state("owner") !== tab) return;
    if (["none", "window"].includes(state("tool")) || name.dataset.view === "ThreeD") {
      give("maximise", name.dataset.view);
    }
  });

  window.slicePropagation = Object.assign(window.slicePropagation || {}, { tab, give, upload, cancel, pick });
  // A page that lost its program looks for it, and shows the work again once it is back.
  setInterval(async () => {
    if (!document.querySelector(".sp-reload")) return;
    const found = await fetch(location.href, { cache: "no-store" }).catch(() => null);
    if (found && found.ok) location.reload();
    // Another start has another token, which a browser that it opens has, too.
    const hint = document.querySelector(".sp-gone");
    if (hint && found && found.status === 403) {
      hint.textContent = "It was started again: open the address that it printed.";
    }
  }, 2000);

  const share = () => {
    if (window.trame && window.trame.utils) window.trame.utils.page = window.slicePropagation;
    else setTimeout(share, 5);
  };
  share();
})();
