// Texts whose contrast with what is behind them is below WCAG 2.1 AA (1.4.3): 4.5, or 3 for large text.
const parse = (colour) => {
  const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number);
  return { r, g, b, a };
};
const light = ({ r, g, b }) => {
  const [R, G, B] = [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4));
  return 0.2126 * R + 0.7152 * G + 0.0722 * B;
};
const over = (top, below) => ({
  r: top.r * top.a + below.r * (1 - top.a), g: top.g * top.a + below.g * (1 - top.a), b: top.b * top.a + below.b * (1 - top.a), a: 1,
});
const behind = (element) => {
  for (let place = element; place; place = place.parentElement) {
    const colour = parse(getComputedStyle(place).backgroundColor);
    if (colour.a === 1) return colour;
  }
  return { r: 255, g: 255, b: 255, a: 1 };
};
for (const fold of document.querySelectorAll("details")) fold.open = true;
const found = [];
let seen = 0;
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
  const element = walker.currentNode.parentElement;
  if (!walker.currentNode.data.trim() || element.closest("svg, script, style, option")) continue;
  const style = getComputedStyle(element);
  const ground = behind(element);
  const [a, b] = [light(over(parse(style.color), ground)), light(ground)].sort((x, y) => y - x);
  const size = parseFloat(style.fontSize);
  const least = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700) ? 3 : 4.5;
  seen += 1;
  if ((a + 0.05) / (b + 0.05) < least) found.push(`${((a + 0.05) / (b + 0.05)).toFixed(2)}: ${walker.currentNode.data.trim().slice(0, 40)}`);
}
// The figures' own letters are paths: their fill against the card.
for (const glyphs of document.querySelectorAll("figure svg g[id*='text_'] > g")) {
  const fill = getComputedStyle(glyphs).fill;
  if (!fill.startsWith("rgb") || glyphs.closest("figure").id === "figure-pool_chunksize" || glyphs.closest("figure").id === "figure-pool_heat_map") continue;
  const ground = behind(glyphs.closest(".card"));
  const [a, b] = [light(parse(fill)), light(ground)].sort((x, y) => y - x);
  seen += 1;
  if ((a + 0.05) / (b + 0.05) < 4.5) found.push(`${((a + 0.05) / (b + 0.05)).toFixed(2)}: letters of ${glyphs.closest("figure").id}`);
}
return [seen, [...new Set(found)]];
