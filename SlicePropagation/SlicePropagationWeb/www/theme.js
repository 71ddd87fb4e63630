// Light or dark: as the browser prefers, or as a person chose; also what pictures are called.
(() => {
  const KEY = "slice-propagation-theme";
  const CHOICES = ["automatic", "light", "dark"];
  // What Vuetify's own parts take; the others have those of `theme.css`.
  const COLORS = {
    light: { primary: "#0067a3" },
    dark: { primary: "#56b4e9", surface: "#20252d" },
  };
  const prefersLight = window.matchMedia("(prefers-color-scheme: light)");

  const kept = () => {
    try {
      const choice = localStorage.getItem(KEY);
      return CHOICES.includes(choice) ? choice : "automatic";
    } catch {
      return "automatic"; // a browser that keeps nothing
    }
  };

  let vuetify = null;
  let look = null;
  // What the page's templates follow. Vue comes before the page, but scripts come in any order.
  const theme = () => {
    look = look || window.Vue.reactive({ choice: kept() });
    return look;
  };

  function show() {
    const automatic = prefersLight.matches ? "light" : "dark";
    const choice = look ? look.choice : kept();
    const name = choice === "automatic" ? automatic : choice;
    document.documentElement.dataset.theme = name;
    if (vuetify) vuetify.theme.change(name);
  }

  function beginTheme(ofPage) {
    vuetify = ofPage;
    for (const name of Object.keys(COLORS)) Object.assign(vuetify.theme.themes[name].colors, COLORS[name]);
    show();
  }

  function chooseTheme(choice) {
    theme().choice = choice;
    try {
      localStorage.setItem(KEY, choice);
    } catch {
      // kept nowhere: it holds until the page is left
    }
    show();
  }

  prefersLight.addEventListener("change", show);
  show(); // before anything is to be seen

  // The pictures of the views come without a text for who cannot see them.
  function namePicture(element, text) {
    const picture = element.parentElement.querySelector("img.image-display-area");
    if (picture) picture.alt = text;
  }

  window.slicePropagation = Object.assign(window.slicePropagation || {}, {
    theme, beginTheme, chooseTheme, namePicture,
  });
})();
