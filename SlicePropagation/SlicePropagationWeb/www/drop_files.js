// Files and folders that are dropped on the page are uploaded, as those of the Open dialog are.
(() => {
  const PROGRESS = "work__PanelState__upload";
  const isOfFiles = (event) => event.dataTransfer && [...event.dataTransfer.types].includes("Files");
  const owner = () => window.trame && window.trame.state.get("work__PanelState__owner");
  const isOurs = () => owner() === window.slicePropagation.tab;

  const entriesOf = (reader) => new Promise((done) => reader.readEntries(done, () => done([])));
  const fileOf = (entry) => new Promise((done) => entry.file(done, () => done(null)));

  // All files of what was dropped, with the folders that they lie in.
  async function filesOf(entry) {
    if (entry.isFile) {
      const file = await fileOf(entry);
      if (file) file.droppedPath = entry.fullPath.replace(/^\//, "");
      return file ? [file] : [];
    }
    const reader = entry.createReader();
    const found = [];
    for (let some = await entriesOf(reader); some.length; some = await entriesOf(reader)) {
      for (const inner of some) found.push(...(await filesOf(inner)));
    }
    return found;
  }

  const mark = (isOver) => document.body.classList.toggle("sp-dropping", isOver);

  window.addEventListener("dragover", (event) => {
    if (!isOfFiles(event)) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = isOurs() ? "copy" : "none";
    mark(isOurs());
  });
  window.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) mark(false);
  });
  window.addEventListener("drop", async (event) => {
    if (!isOfFiles(event)) return;
    event.preventDefault();
    mark(false);
    if (!isOurs()) return;
    const entries = [...event.dataTransfer.items].map((item) => item.webkitGetAsEntry && item.webkitGetAsEntry());
    const plain = [...event.dataTransfer.files];
    const lists = entries.every(Boolean) ? await Promise.all(entries.map(filesOf)) : [plain];
    // The program shows the dialog, so that this cannot come after it closed it over a small file.
    await window.slicePropagation.give("open");
    window.slicePropagation.upload(lists.flat(), PROGRESS);
  });
})();
