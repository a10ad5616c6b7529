"use strict";
(() => {
  // Make SVG and PNG files from the page itself, so that they exist when the page was sent alone. Without scripts the
  // links lead to the files in the folder of the page.
  const COLOUR = /var\((--\w+)(?:, (#[0-9a-f]+))?\)/g;
  const POINT = 96 / 72, SHARPNESS = 2; // pixels per point; pixels of the PNG per pixel of the figure

  // The colours of the light page, whichever is shown: the files of the report have them too.
  function lightColours() {
    const found = {};
    for (const rule of [...document.styleSheets].flatMap((styles) => [...styles.cssRules])) {
      if (rule.selectorText !== ":root") continue;
      for (const name of rule.style) found[name] ??= rule.style.getPropertyValue(name).trim();
    }
    return found;
  }

  // A figure as a standalone document, with title and notes, and with the glyphs and colours that the page shares.
  function standalone(card) {
    const svg = card.querySelector("svg").cloneNode(true);
    const whole = svg.dataset.whole, [width, height] = whole.split(" ").slice(2).map(Number);
    svg.setAttribute("viewBox", whole);
    svg.setAttribute("width", `${width}pt`);
    svg.setAttribute("height", `${height}pt`);
    svg.removeAttribute("style");
    svg.removeAttribute("data-whole");
    const wanted = new Set([...svg.querySelectorAll("use")].map((use) => use.href.baseVal.slice(1)));
    const glyphs = document.createElementNS(svg.namespaceURI, "defs");
    for (const id of wanted) {
      if (!svg.querySelector(`[id="${id}"]`)) glyphs.append(document.getElementById(id).cloneNode(true));
    }
    svg.prepend(glyphs);
    const colours = lightColours();
    const text = new XMLSerializer().serializeToString(svg)
      .replaceAll(`#${card.id} svg *`, "*")
      .replace(COLOUR, (_, name, fallback) => fallback ?? colours[name]);
    return { text, width: width * POINT, height: height * POINT };
  }

  async function rendered({ text, width, height }) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = Math.round(width * SHARPNESS);
    canvas.height = Math.round(height * SHARPNESS);
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  function save(blob, name) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  document.addEventListener("click", async (event) => {
    const link = event.target.closest("a[data-figure]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return; // open the file in a new window
    event.preventDefault();
    const name = link.getAttribute("href").split("/").pop();
    const figure = standalone(document.getElementById(link.dataset.figure));
    save(name.endsWith(".png") ? await rendered(figure) : new Blob([figure.text], { type: "image/svg+xml" }), name);
  });
})();
