// Five steps over the page for who sees it for the first time; then never again unless asked for.
(() => {
  const KEY = "slice-propagation-first-steps";
  const STEPS = [
    {
      at: ".sp-tools",
      title: "Draw one slice",
      text: "Scroll to a slice on which you see the structure well, and paint it there. 1 to 9 are the tools.",
    },
    {
      at: "[data-command=propagate]",
      title: "Propagate",
      text: "P fills the other slices while you watch. Esc stops within one slice; you keep or discard what is there.",
    },
    {
      at: ".sp-strip",
      title: "See where it is doubtful",
      text: "A bar a slice: its colour says who drew it, its height how sure the program is. A click goes there.",
    },
    {
      at: "[data-command=next]",
      title: "Correct, and propagate again",
      text: "N shows the next suspicious slice. Correct it, or confirm it with C. Only what it touches is computed anew.",
    },
    {
      at: "[data-command=save]",
      title: "Save",
      text: "Ctrl+S writes segmentation, table and record. Until then the work is kept by itself. ? lists all keys.",
    },
  ];
  const GAP = 12; // pixels between the card and what it is about

  const wasSeen = () => {
    try {
      return localStorage.getItem(KEY) !== null;
    } catch {
      return true; // a browser that keeps nothing would show them every time
    }
  };

  const make = (kind, classes, parent) => {
    const element = document.createElement(kind);
    element.className = classes;
    parent.append(element);
    return element;
  };

  class FirstSteps {
    constructor() {
      this.number = 0;
      this.before = document.activeElement;
      this.cover = make("div", "sp-steps", document.body);
      this.ring = make("div", "sp-steps-ring", this.cover);
      this.card = make("div", "sp-steps-card", this.cover);
      this.card.setAttribute("role", "dialog");
      this.card.setAttribute("aria-modal", "true");
      this.card.setAttribute("aria-labelledby", "sp-steps-title");
      this.title = make("h2", "", this.card);
      this.title.id = "sp-steps-title";
      this.text = make("p", "", this.card);
      const row = make("div", "sp-steps-row", this.card);
      this.count = make("span", "", row);
      this.skip = this.button("Skip", row, () => this.end());
      this.back = this.button("Back", row, () => this.go(-1));
      this.next = this.button("Next", row, () => this.go(1));
      this.place = () => this.show();
      window.addEventListener("resize", this.place);
      this.onKey = (event) => this.key(event);
      window.addEventListener("keydown", this.onKey, true);
      this.show();
      this.next.focus();
    }

    button(text, parent, act) {
      const button = make("button", "sp-steps-button", parent);
      button.type = "button";
      button.textContent = text;
      button.addEventListener("click", act);
      return button;
    }

    // Keys mean nothing else meanwhile (page.js, too, looks for the card); Tab stays among the buttons.
    key(event) {
      const act = { Escape: () => this.end(), ArrowRight: () => this.go(1), ArrowLeft: () => this.go(-1) };
      event.stopImmediatePropagation();
      if (event.key === "Tab") {
        event.preventDefault();
        this.turn(event.shiftKey ? -1 : 1);
      } else if (act[event.key]) {
        event.preventDefault();
        act[event.key]();
      } else if (!["Enter", " "].includes(event.key)) {
        event.preventDefault();
      }
    }

    turn(by) {
      const buttons = [...this.card.querySelectorAll("button:not(:disabled)")];
      const now = buttons.indexOf(document.activeElement);
      buttons[(now + by + buttons.length) % buttons.length].focus();
    }

    go(by) {
      const number = this.number + by;
      if (number >= STEPS.length) return this.end();
      this.number = Math.max(number, 0);
      this.show();
      this.next.focus();
    }

    show() {
      const step = STEPS[this.number];
      this.title.textContent = step.title;
      this.text.textContent = step.text;
      this.count.textContent = `${this.number + 1} of ${STEPS.length}`;
      this.back.disabled = this.number === 0;
      this.next.textContent = this.number === STEPS.length - 1 ? "Done" : "Next";
      const target = document.querySelector(step.at);
      const box = target ? target.getBoundingClientRect() : new DOMRect(innerWidth / 2, innerHeight / 2, 0, 0);
      const ring = { left: box.left - 4, top: box.top - 4, width: box.width + 8, height: box.height + 8 };
      for (const [name, value] of Object.entries(ring)) this.ring.style[name] = `${value}px`;
      const { width, height } = this.card.getBoundingClientRect();
      const below = box.bottom + GAP + height < innerHeight;
      const top = below ? box.bottom + GAP : box.top - GAP - height;
      const left = Math.min(Math.max(box.left, GAP), innerWidth - width - GAP);
      this.card.style.top = `${Math.max(top, GAP)}px`;
      this.card.style.left = `${left}px`;
    }

    end() {
      try {
        localStorage.setItem(KEY, "seen");
      } catch {
        // kept nowhere: see `wasSeen`
      }
      window.removeEventListener("resize", this.place);
      window.removeEventListener("keydown", this.onKey, true);
      this.cover.remove();
      steps = null;
      if (this.before && this.before.isConnected) this.before.focus();
    }
  }

  let steps = null;
  const begin = () => {
    steps = steps || new FirstSteps();
  };

  // What they are about is there once a volume is open; not over a dialog that asks something.
  const watch = setInterval(() => {
    if (wasSeen()) return clearInterval(watch);
    const isAsked = document.querySelector(".v-dialog.v-overlay--active, .sp-opening:not([hidden])");
    if (document.querySelector("[data-slice]") && !isAsked) {
      clearInterval(watch);
      begin();
    }
  }, 500);
  // Scripts come in any order.
  window.slicePropagation = Object.assign(window.slicePropagation || {}, { firstSteps: begin });
})();
