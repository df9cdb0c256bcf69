// Colours by quantiles, and the legend.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/colours.js");
const { bounds, byNumber, byKind, pack, faded } = globalThis.cfColours;
const palette = { ground: "#ffffff", unknown: "#808080", ramp: ["#000001", "#000002", "#000003"], kinds: ["#100000", "#200000"] };

test("groups hold about equally many, and an outlier takes no colour from the rest", () => {
  assert.deepEqual(bounds([1, 2, 3, 4, 5, 1000000], 3), [1, 3, 5]);
});

test("equal values are in one group, and the others share the rest", () => {
  assert.deepEqual(bounds([1, 1, 1, 1, 1, 1, 2, 3, 4, 5], 3), [1, 2, 4]);
  assert.deepEqual(bounds([7, 7], 3), [7]);
  assert.deepEqual(bounds([], 3), []);
});

test("numbers have names from the lowest to the highest of a group, and unknown ones another colour", () => {
  const { of, groups } = byNumber([1, null, 5, 3, 2, 4, 6], String, "none", palette);
  assert.deepEqual([...of], [1, 0, 3, 2, 1, 2, 3]);
  assert.deepEqual(groups.map(group => [group.name, group.count]), [["none", 1], ["1 – 2", 2], ["3 – 4", 2], ["5 – 6", 2]]);
  assert.deepEqual(groups.map(group => group.colour), ["#808080", "#000001", "#000002", "#000003"]);
});

test("two values take the ends of the ramp, one the strongest colour", () => {
  assert.deepEqual(byNumber([1, 2], String, "none", palette).groups.map(group => group.colour), ["#808080", "#000001", "#000003"]);
  assert.deepEqual(byNumber([1], String, "none", palette).groups.map(group => group.colour), ["#808080", "#000003"]);
});

test("the most frequent kinds have a colour each, the rest one together", () => {
  const { of, groups } = byKind([0, 0, 0, 1, 2, 2, 3], ["jazz", "folk", "dub", ""], "no genre", palette);
  assert.deepEqual(groups.map(group => [group.name, group.count]), [["no genre", 1], ["others", 1], ["jazz", 3], ["dub", 2]]);
  assert.deepEqual([...of], [2, 2, 2, 1, 3, 3, 0]);
});

test("a faded colour is near the ground, and bytes are in the order of a canvas", () => {
  assert.equal(pack("#010203"), 0xff030201);
  assert.equal(faded("#000000", "#646464"), 0xff4e4e4e);
});
