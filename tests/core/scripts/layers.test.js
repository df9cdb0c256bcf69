// The order in which dots are painted.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/layers.js");
const no = () => false, yes = () => true;
const painted = more => {
  const { order, colours, sizes } = globalThis.cfLayers.order({
    of: [1, 0, 1, 2], full: [10, 11, 12], pale: [20, 21, 22], mark: 99, marked: no, visible: yes, meant: yes, onTop: no, chosen: false, ...more,
  });
  return { order: [...order], colours: [...order].map(i => colours[i]), sizes: [...order].map(i => sizes[i]) };
};

test("what is unknown is below the rest", () => {
  assert.deepEqual(painted({}), { order: [1, 0, 2, 3], colours: [10, 11, 11, 12], sizes: [16, 16, 16, 16] });
});

test("what is chosen is above all, marked and larger, and all else is faded", () => {
  assert.deepEqual(painted({ chosen: true, marked: i => i === 1 }), { order: [0, 2, 3, 1], colours: [21, 21, 22, 99], sizes: [16, 16, 16, 26] });
});

test("groups that are not picked are faded and below", () => {
  assert.deepEqual(painted({ meant: k => k === 1 }).order, [1, 3, 0, 2]);
});

test("what is asked for comes on top, and what is hidden is not painted", () => {
  assert.deepEqual(painted({ onTop: i => i === 0, visible: i => i !== 3 }), { order: [1, 2, 0], colours: [10, 11, 11], sizes: [16, 16, 20] });
});
