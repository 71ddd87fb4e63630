// The list of cases: rows come from the server as they are scrolled to; files may be dropped anywhere.
(() => {
  const ROW_PX = 64; // as `worklist_dialog.py` has it
  const ABOVE = 10; // rows that are asked for before the first one that is seen
  const PAUSE_MS = 60;

  let asked = -1;
  let timer = 0;

  function scrollCases(list) {
    const first = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - ABOVE);
    if (first === asked || timer) return;
    timer = setTimeout(() => {
      timer = 0;
      asked = Math.max(0, Math.floor(list.scrollTop / ROW_PX) - ABOVE);
      window.trame.trigger("command", ["rows", asked]);
    }, PAUSE_MS);
  }

  // A list that is opened shows the case that was opened last.
  function showCases(list, top) {
    requestAnimationFrame(() => { list.scrollTop = top * ROW_PX; });
  }

  // Other rows are found, or they have another order.
  function topOfCases() {
    asked = -1;
    const list = document.querySelector(".sp-rows");
    if (list) list.scrollTop = 0;
  }

  window.slicePropagation = Object.assign(window.slicePropagation || {}, { scrollCases, showCases, topOfCases });
})();
