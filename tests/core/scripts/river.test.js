// What a stream of the river says of itself.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/river.js");
const { words, periodAt } = globalThis.cfRiver;
const data = {
  periods: ["2019", "2020", "2021"], plays: [30, 0, 1200], artists: ["Ann", "Bob", "Cem"],
  streams: [{ name: "Jazz", plays: [30, 0, 30], artists: [[0], [], [0, 1]] }, { name: "Rock", plays: [0, 0, 1170], artists: [[], [], [2]] }],
};

test("a stream has a share and artists in a period", () => {
  assert.deepEqual(words(data, 0, 2), { head: "2021, Jazz", text: "2.5 % of 1,200 plays", who: ["Ann", "Bob"] });
  assert.deepEqual(words(data, 0, 0), { head: "2019, Jazz", text: "100 % of 30 plays", who: ["Ann"] });
  assert.deepEqual(words(data, 1, 1), { head: "2020", text: "no plays with dates", who: [] });
});

test("a stream has a share of all plays, and a time when it was played most", () => {
  assert.deepEqual(words(data, 1, -1), { head: "Rock", text: "95 % of all plays with dates; most of them in 2021", who: ["Cem"] });
  assert.deepEqual(words(data, 0, -1).who, ["Ann", "Bob"]);
});

test("a place across the drawing is in a period, also at its ends", () => {
  assert.deepEqual([0, 201, 203, 397, 399, 600].map(px => periodAt(px, 600, 306, 3, 100, 3)), [0, 0, 1, 1, 2, 2]);
});
