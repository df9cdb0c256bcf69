// Where the names of regions go: the large ones first, none over another, and finer ones as one zooms in.
"use strict";
globalThis.cfNames = (() => {
  const FROM = [0, 1, 2.2, 4.5], PAD = 6, MOST = 48;
  const shownAt = (level, zoom) => zoom >= FROM[level] && (level > FROM.length - 3 || zoom < FROM[level + 2]);

  // regions: { name, x, y, level, tracks }, by level and size; measure(name): its width at 1px.
  // Returns { at, left, top, width, height, font } in pixels of the view.
  function place(regions, look, size, zoom, measure) {
    const placed = [], most = Math.max(1, ...regions.filter(r => r.level === 0).map(r => r.tracks));
    const finest = Math.max(0, ...FROM.map((from, level) => zoom >= from ? level : 0));
    const candidates = regions.map((region, at) => ({ ...region, at })).filter(r => shownAt(r.level, zoom));
    candidates.sort((a, b) => a.level - b.level || b.tracks - a.tracks || a.at - b.at);
    for (const { at, name, x, y, level, tracks } of candidates) {
      if (placed.length === MOST) break;
      const grown = Math.sqrt(Math.min(1, tracks / most)) * (level < finest ? 0.8 : 1);
      const font = Math.round(Math.min(22, 12 + 10 * grown)), width = Math.ceil(measure(name) * font) + 2, height = Math.ceil(font * 1.25);
      const px = size[0] / 2 + (x - look.x) * look.scale, py = size[1] / 2 - (y - look.y) * look.scale;
      for (const shift of [0, -1, 1]) {
        const box = { at, font, width, height, left: Math.round(px - width / 2), top: Math.round(py - height / 2 + shift * 1.2 * (height + PAD)) };
        const inside = box.left >= 2 && box.top >= 2 && box.left + width <= size[0] - 2 && box.top + height <= size[1] - 2;
        if (!inside || placed.some(other => meet(box, other))) continue;
        placed.push(box);
        break;
      }
    }
    return placed;
  }
  function meet(a, b) {
    return a.left < b.left + b.width + PAD && b.left < a.left + a.width + PAD && a.top < b.top + b.height + PAD && b.top < a.top + a.height + PAD;
  }
  return { place };
})();
