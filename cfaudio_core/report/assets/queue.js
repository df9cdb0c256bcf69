// The queue: entries { i, at }, a track and the second that it plays from, and which of them plays.
"use strict";
globalThis.makeQueue = playable => {
  let entries = [], place = -1;
  const find = (from, by) => { for (let k = from; entries[k]; k += by) if (playable(entries[k].i)) return k; return -1; };
  const go = k => { if (k < 0) return null; place = k; return entries[k]; };
  return {
    // Takes other entries, and returns the first that can play from a place on: null where none can.
    set(others, from = 0) { entries = [...others]; place = -1; return go(find(from, 1)); },
    // The next entry that can play (-1: the one before), null behind the last.
    step: by => go(find(place + by, by)),
    peek: by => entries[find(place + by, by)] || null,
    get place() { return place + 1; },
    get size() { return entries.length; },
  };
};
