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
    for (const file of files) form.append("file", file, file.webkitRelativePath || file.name);
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

  // The views catch keys with an input of their own, which nobody types into.
  const isTyping = (element) =>
    element.closest(".v-field, .sp-segment") && ["INPUT", "TEXTAREA"].includes(element.tagName);
  window.addEventListener("keydown", (event) => {
    if (isTyping(event.target) || event.altKey || event.metaKey) return;
    const key = (event.ctrlKey ? "Ctrl+" : "") + (event.shiftKey && event.key.length > 1 ? "Shift+" : "") + event.key;
    const command = (window.trame.state.get("work__PanelState__keys") || {})[key];
    if (!command || window.trame.state.get("work__PanelState__owner") !== tab) return;
    event.preventDefault();
    event.stopPropagation();
    window.trame.trigger("command", [command]);
  }, true);

  window.slicePropagation = { tab, upload, cancel, pick };
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
