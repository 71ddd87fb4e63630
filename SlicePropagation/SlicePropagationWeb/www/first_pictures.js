// What lies over the views until each of them has a picture of the volume that is open: between the end
// of opening and the first picture they are black.
(() => {
  const state = (name) => window.trame && window.trame.state.get(`work__PanelState__${name}`);
  const WATCHED = ["volume_number", "volume_name", "loading", "owner", "maximised", "plane"];
  const sent = {}; // the volume of the newest picture of each view that has come
  const shown = {}; // and of the one on the screen

  const viewOf = (area) => {
    const name = area && area.parentElement.querySelector("[data-view]");
    return name && name.dataset.view;
  };

  function update() {
    const cover = document.querySelector("[data-first-pictures]");
    if (!cover) return;
    const names = [...document.querySelectorAll(".remote-controlled-area")].map(viewOf);
    cover.hidden = names.length > 0 && names.every((name) => shown[name] === state("volume_number"));
  }

  // The page is built anew after its values came, and before the next frame.
  const changed = () => {
    update();
    requestAnimationFrame(update);
  };

  document.addEventListener("load", (event) => {
    if (event.target.tagName !== "IMG") return;
    const name = viewOf(event.target.closest(".remote-controlled-area"));
    if (!name || shown[name] === sent[name]) return;
    shown[name] = sent[name];
    update();
  }, true);

  // Scripts come in any order.
  window.slicePropagation = Object.assign(window.slicePropagation || {}, { pictures: shown });
  const wait = () => {
    const client = window.trame && window.trame.client;
    const session = client && client.getConnection && client.getConnection() && client.getConnection().getSession();
    if (!session) {
      setTimeout(wait, 10);
      return;
    }
    session.subscribe("trame.rca.topic.stream", ([{ name, meta }]) => {
      sent[name] = meta.volume;
    });
    window.trame.state.watch(WATCHED.map((name) => `work__PanelState__${name}`), changed);
  };
  wait();
})();
