// Who of two listeners plays each track.
"use strict";
const test = require("node:test"), assert = require("node:assert");
require("../../../cfaudio_core/report/assets/compare.js");
const { unpack, groups, words } = globalThis.cfCompare;
const palette = { unknown: "#808080", kinds: ["#000000", "#111111", "#222222", "#333333"] };

test("plays are unpacked to where they belong", () => {
  assert.deepEqual([...unpack({ steps: [1, 3], plays: [7, 1] }, 5)], [7, 0, 0, 1, 0]);
  assert.deepEqual([...unpack({ steps: [], plays: [] }, 2)], [0, 0]);
});

test("a track is played by nobody, one or both", () => {
  const found = groups([1, 2, null, 0, 0], [0, 3, 4, 0, 0], ["me", "Anna"], palette);
  assert.deepEqual([...found.of], [1, 2, 3, 0, 0]);
  assert.deepEqual(found.groups.map(group => [group.name, group.count]), [["nobody", 2], ["only you", 1], ["both", 1], ["only Anna", 1]]);
  assert.equal(new Set(found.groups.map(group => group.colour)).size, 4);
  assert.equal(words(found, ["me", "Anna"], false), "Of 3 tracks that you or Anna play, 1 is played by both.");
});

test("two who share nothing, others than the reader, and a map of a part", () => {
  const found = groups([1, 0], [0, 1], ["Bob", "Anna"], palette);
  assert.equal(words(found, ["Bob", "Anna"], true), "Of 2 tracks on the map that Bob or Anna plays, none are played by both.");
  assert.equal(words(groups([0], [0], ["Bob", "Anna"], palette), ["Bob", "Anna"], false), "");
});
