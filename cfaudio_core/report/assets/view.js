// The view of the map: where it looks, gestures, which dot is near and which are inside a line drawn around them.
"use strict";
globalThis.makeView = (element, points, draw) => {
  const extent = values => { let low = Infinity, high = -Infinity; for (const v of values) { if (v < low) low = v; if (v > high) high = v; } return [low, high]; };
  const box = [extent(points.x), extent(points.y)], middle = box.map(([low, high]) => (low + high) / 2);
  const spans = box.map(([low, high]) => Math.max(high - low, points.steps / 50));
  const look = { x: middle[0], y: middle[1], scale: 1 };   // centre, and pixels a step
  let size = [0, 0], wanted = 0;
  const down = new Map();                    // pointers, and where they are

  function fitScale() { return Math.max(1e-6, Math.min((size[0] - 48) / spans[0], (size[1] - 48) / spans[1])); }
  function measure() { size = [element.clientWidth, element.clientHeight]; }
  function render() { cancelAnimationFrame(wanted); wanted = 0; draw(look, size, look.scale / fitScale()); }
  function changed() { if (!wanted) wanted = requestAnimationFrame(render); }
  function clamp() {
    look.scale = Math.max(fitScale() * 0.6, Math.min(look.scale, fitScale() * 400));
    for (const axis of ["x", "y"]) look[axis] = Math.max(0, Math.min(points.steps, look[axis]));
  }
  function zoom(factor, px = size[0] / 2, py = size[1] / 2) {
    const [x, y] = [look.x + (px - size[0] / 2) / look.scale, look.y - (py - size[1] / 2) / look.scale];
    look.scale *= factor;
    look.scale = Math.max(fitScale() * 0.6, Math.min(look.scale, fitScale() * 400));
    look.x = x - (px - size[0] / 2) / look.scale;
    look.y = y + (py - size[1] / 2) / look.scale;
    clamp(); changed();
  }
  function pan(dx, dy) { look.x -= dx / look.scale; look.y += dy / look.scale; clamp(); changed(); }
  function whole() { Object.assign(look, { x: middle[0], y: middle[1], scale: fitScale() }); changed(); }
  function to(x, y, zoom) { Object.assign(look, { x, y, scale: fitScale() * zoom }); clamp(); changed(); }
  function goTo(i, closer = 8) {
    Object.assign(look, { x: points.x[i], y: points.y[i], scale: Math.max(look.scale, fitScale() * closer) });
    changed();
  }
  function onScreen(i) {
    return [size[0] / 2 + (points.x[i] - look.x) * look.scale, size[1] / 2 - (points.y[i] - look.y) * look.scale];
  }

  // Dots by cells, so that looking around a place takes no time.
  const SIDE = 256, cell = points.steps / SIDE, first = new Int32Array(SIDE * SIDE + 1), members = new Int32Array(points.x.length);
  const cellOf = i => Math.min(SIDE - 1, points.y[i] / cell | 0) * SIDE + Math.min(SIDE - 1, points.x[i] / cell | 0);
  for (let i = 0; i < points.x.length; i++) first[cellOf(i) + 1]++;
  for (let c = 0; c < SIDE * SIDE; c++) first[c + 1] += first[c];
  const filled = first.slice();
  for (let i = 0; i < points.x.length; i++) members[filled[cellOf(i)]++] = i;
  function nearest(px, py, reach = 10) {
    const x = look.x + (px - size[0] / 2) / look.scale, y = look.y - (py - size[1] / 2) / look.scale, r = reach / look.scale;
    let best = -1, least = r * r;
    const low = v => Math.max(0, (v - r) / cell | 0), high = v => Math.min(SIDE - 1, (v + r) / cell | 0);
    for (let cy = low(y); cy <= high(y); cy++) for (let cx = low(x); cx <= high(x); cx++) {
      const c = cy * SIDE + cx;
      for (let k = first[c]; k < first[c + 1]; k++) {
        const i = members[k], d = (points.x[i] - x) ** 2 + (points.y[i] - y) ** 2;
        if (d < least && api.visible(i)) { least = d; best = i; }
      }
    }
    return best;
  }

  // The dots inside a closed line, given by its corners on the screen.
  function inside(corners) {
    const line = corners.map(([px, py]) => [look.x + (px - size[0] / 2) / look.scale, look.y - (py - size[1] / 2) / look.scale]);
    const [[left, right], [low, high]] = [extent(line.map(p => p[0])), extent(line.map(p => p[1]))], found = [];
    for (let i = 0; i < points.x.length; i++) {
      const x = points.x[i], y = points.y[i];
      if (x < left || x > right || y < low || y > high) continue;
      let within = false;
      for (let a = 0, b = line.length - 1; a < line.length; b = a++) {
        if ((line[a][1] > y) !== (line[b][1] > y) && x < (line[b][0] - line[a][0]) * (y - line[a][1]) / (line[b][1] - line[a][1]) + line[a][0]) within = !within;
      }
      if (within && api.visible(i)) found.push(i);
    }
    return found;
  }

  // Pointers: one drags, or draws a line where that is asked for, two pinch.
  let travelled = 0, pinch = null, line = null;
  const at = event => { const box = element.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const apart = () => { const [a, b] = [...down.values()]; return { d: Math.hypot(a[0] - b[0], a[1] - b[1]), m: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] }; };
  element.addEventListener("pointerdown", event => {
    if (event.button) return;
    element.focus({ preventScroll: true });
    element.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    if (down.size === 1) { travelled = 0; line = api.drawing ? [at(event)] : null; }
    if (down.size === 2) { pinch = apart(); line = null; api.onLine([], false); }
  });
  element.addEventListener("pointermove", event => {
    const here = at(event), was = down.get(event.pointerId);
    if (!was) { api.onHover(nearest(...here), here); return; }
    down.set(event.pointerId, here);
    if (line) { line.push(here); api.onLine(line, false); return; }
    if (down.size === 2 && pinch) {
      const now = apart();
      pan(now.m[0] - pinch.m[0], now.m[1] - pinch.m[1]);
      zoom(now.d / Math.max(pinch.d, 1), ...now.m);
      pinch = now; travelled = 99;
      return;
    }
    travelled += Math.hypot(here[0] - was[0], here[1] - was[1]);
    if (travelled > 3) { element.classList.add("dragging"); api.onHover(-1, here); pan(here[0] - was[0], here[1] - was[1]); }
  });
  const release = event => {
    if (!down.delete(event.pointerId)) return;
    pinch = null;
    if (line) { api.onLine(line, event.type === "pointerup"); line = null; return; }
    element.classList.remove("dragging");
    if (!down.size && travelled > 3) api.onRest();
    if (event.type === "pointerup" && travelled <= 3 && !down.size) {
      const here = at(event);
      api.onPick(nearest(...here, event.pointerType === "touch" ? 20 : 10), here);
    }
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", () => api.onHover(-1, [0, 0]));
  element.addEventListener("wheel", event => {
    // The page scrolls, until one has turned to the map.
    if (document.activeElement !== element && !event.ctrlKey) return;
    event.preventDefault();
    zoom(Math.exp(-event.deltaY * (event.deltaMode ? 0.05 : 0.0018)), ...at(event));
  }, { passive: false });
  element.addEventListener("keydown", event => {
    const step = 80, act = {
      ArrowLeft: () => pan(step, 0), ArrowRight: () => pan(-step, 0), ArrowUp: () => pan(0, step), ArrowDown: () => pan(0, -step),
      "+": () => zoom(1.5), "=": () => zoom(1.5), "-": () => zoom(1 / 1.5), "0": whole,
      Enter: () => api.onPick(nearest(size[0] / 2, size[1] / 2, 80), [size[0] / 2, size[1] / 2]),
    }[event.key];
    if (act && !event.ctrlKey && !event.metaKey && !event.altKey) { event.preventDefault(); act(); }
  });
  new ResizeObserver(() => {
    const zoomed = look.scale / (size[0] ? fitScale() : look.scale);
    measure();
    look.scale = fitScale() * zoomed;
    render();
  }).observe(element);

  const api = { zoom, pan, whole, to, goTo, onScreen, nearest, inside, render, changed, drawing: false, visible: () => true, onHover() {}, onPick() {}, onLine() {}, onRest() {} };
  measure();
  look.scale = fitScale();
  return api;
};
