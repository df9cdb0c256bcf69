// Names of regions: none over another, large ones first, finer ones closer up.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/names.js");
const { place } = globalThis.cfNames;
const SIZE = [800, 600], measure = name => name.length * 0.6;
const region = (name, x, y, level = 0, tracks = 10) => ({ name, x, y, level, tracks });
const placed = (regions, zoom = 1) => place(regions, { x: 0, y: 0, scale: zoom }, SIZE, zoom, measure).map(({ at }) => regions[at].name);

test("names far apart are all placed, about where their regions are", () => {
  const [box] = place([region("Jazz", 100, 50)], { x: 0, y: 0, scale: 1 }, SIZE, 1, measure);
  assert.ok(Math.abs(box.left + box.width / 2 - 500) <= 1 && Math.abs(box.top + box.height / 2 - 250) <= 1);
});

test("of names at one place only so many are placed as there is room for, the largest first", () => {
  const names = placed([1, 2, 3, 4, 5].map(k => region(`Number ${k}`, 0, 0, 0, 10 * k)));
  assert.deepEqual(names, ["Number 5", "Number 4", "Number 3"]);
});

test("no two of many names meet", () => {
  const regions = Array.from({ length: 300 }, (_, k) => region(`Region ${k}`, (k * 37) % 700 - 350, (k * 53) % 500 - 250, 0, k + 1));
  const boxes = place(regions, { x: 0, y: 0, scale: 1 }, SIZE, 1, measure);
  assert.ok(boxes.length > 10);
  for (const a of boxes) for (const b of boxes) {
    if (a !== b) assert.ok(a.left >= b.left + b.width || b.left >= a.left + a.width || a.top >= b.top + b.height || b.top >= a.top + a.height);
  }
});

test("the whole map has the coarse names, and closer up come finer ones", () => {
  const regions = [region("Jazz", 0, 0), region("Bebop", 30, 40, 1), region("Ada", 10, -20, 2)];
  assert.deepEqual(placed(regions), ["Jazz", "Bebop"]);
  assert.deepEqual(placed(regions, 3), ["Bebop", "Ada"]);
});

test("a name that would be cut off is left out", () => {
  assert.deepEqual(placed([region("Jazz", 399, 0), region("Folk", 4000, 0)]), []);
});
