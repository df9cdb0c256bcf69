// Two listeners on one map: who of them plays each track.
"use strict";
globalThis.cfCompare = (() => {
  const COLOURS = [3, 1, 2];   // of the kinds: these differ most, in both schemes and for all eyes
  // Plays of each of n tracks, from the steps from one played track to the next, and the counts there.
  function unpack({ steps, plays }, n) {
    const all = new Uint32Array(n);
    let at = -1;
    steps.forEach((step, k) => { at += step; all[at] = plays[k]; });
    return all;
  }
  // mine, theirs: plays; names of both, "me" for the reader
  function groups(mine, theirs, [me, other], palette) {
    const made = [["nobody", palette.unknown], ...[me === "me" ? "only you" : `only ${me}`, "both", `only ${other}`].map((name, k) => [name, palette.kinds[COLOURS[k]]])]
      .map(([name, colour]) => ({ name, colour, count: 0 }));
    const of = Uint8Array.from(mine, (plays, i) => plays > 0 ? (theirs[i] > 0 ? 2 : 1) : theirs[i] > 0 ? 3 : 0);
    of.forEach(k => { made[k].count++; });
    return { of, groups: made };
  }
  function words({ groups: [, mine, both, theirs] }, [me, other], inPart) {
    const either = mine.count + both.count + theirs.count, counted = n => `${n.toLocaleString("en")} ${n === 1 ? "track" : "tracks"}`;
    const who = me === "me" ? `you or ${other} play` : `${me} or ${other} plays`;
    if (!either) return "";
    return `Of ${counted(either)}${inPart ? " on the map" : ""} that ${who}, ${both.count ? both.count.toLocaleString("en") : "none"} ${both.count === 1 ? "is" : "are"} played by both.`;
  }
  return { unpack, groups, words };
})();
