// The view of the map: where it looks, gestures, and which dot is near. Plotly draws at rest; while the map moves, what
// is drawn already is moved and scaled as a picture, so that it moves smoothly however long drawing takes.
"use strict";
globalThis.makeView = (element, plot, points, draw) => {
  const MARGIN = 0.25;                      // of the view, drawn beyond each edge
  const extent = values => { let low = Infinity, high = -Infinity; for (const v of values) { if (v < low) low = v; if (v > high) high = v; } return [low, high]; };
  const box = [extent(points.x), extent(points.y)], middle = box.map(([low, high]) => (low + high) / 2);
  const spans = box.map(([low, high]) => Math.max(high - low, points.steps / 50));
  const look = { x: middle[0], y: middle[1], scale: 1 };   // centre, and pixels a step
  let drawn = { ...look }, size = [0, 0], timer = 0, busy = false, again = false;
  const moved = [];                          // who wants to know
  const down = new Map();                    // pointers, and where they are

  function fitScale() { return Math.min((size[0] - 48) / spans[0], (size[1] - 48) / spans[1]); }
  function measure() { size = [element.clientWidth, element.clientHeight]; }
  function place() {
    const k = look.scale / drawn.scale, w = size[0], h = size[1];
    const left = w / 2 - (look.x - drawn.x) * look.scale - k * w * (0.5 + MARGIN);
    const top = h / 2 + (look.y - drawn.y) * look.scale - k * h * (0.5 + MARGIN);
    plot.style.transform = `translate(${left}px, ${top}px) scale(${k})`;
    moved.forEach(listener => { listener(); });
  }
  function changed() {
    place();
    clearTimeout(timer);
    // Not under the finger, unless it has come to where nothing is drawn.
    const off = ["x", "y"].some((axis, k) => Math.abs(look[axis] - drawn[axis]) * look.scale > size[k] * MARGIN);
    if (!down.size || off) timer = setTimeout(render, down.size ? 400 : 180);
  }
  async function render() {
    if (busy) { again = true; return; }
    busy = true;
    const target = { ...look };
    const half = size.map(length => length * (0.5 + MARGIN) / target.scale);
    await draw({
      x: [target.x - half[0], target.x + half[0]], y: [target.y - half[1], target.y + half[1]],
      width: Math.round(size[0] * (1 + 2 * MARGIN)), height: Math.round(size[1] * (1 + 2 * MARGIN)),
      zoom: target.scale / fitScale(),
    });
    drawn = target;
    place();
    busy = false;
    if (again) { again = false; render(); }
  }
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
        if (d < least) { least = d; best = i; }
      }
    }
    return best;
  }

  // Pointers: one drags, two pinch.
  let travelled = 0, pinch = null;
  const at = event => { const box = element.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const apart = () => { const [a, b] = [...down.values()]; return { d: Math.hypot(a[0] - b[0], a[1] - b[1]), m: [(a[0] + b[0]) / 2, (a[1] + b[1]) / 2] }; };
  element.addEventListener("pointerdown", event => {
    if (event.button) return;
    element.setPointerCapture(event.pointerId);
    down.set(event.pointerId, at(event));
    if (down.size === 1) travelled = 0;
    if (down.size === 2) pinch = apart();
  });
  element.addEventListener("pointermove", event => {
    const here = at(event), was = down.get(event.pointerId);
    if (!was) { api.onHover(nearest(...here), here); return; }
    down.set(event.pointerId, here);
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
    element.classList.remove("dragging");
    if (!down.size && travelled > 3) changed();
    if (event.type === "pointerup" && travelled <= 3 && !down.size) {
      const here = at(event);
      api.onPick(nearest(...here, event.pointerType === "touch" ? 20 : 10), here);
    }
  };
  element.addEventListener("pointerup", release);
  element.addEventListener("pointercancel", release);
  element.addEventListener("pointerleave", () => api.onHover(-1, [0, 0]));
  element.addEventListener("wheel", event => {
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
    changed();
  }).observe(element);

  const api = { zoom, pan, whole, goTo, onScreen, nearest, render, moved, onHover() {}, onPick() {} };
  measure();
  look.scale = fitScale();
  return api;
};
