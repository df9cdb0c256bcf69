// Which colour each dot has, and the legend: numbers by quantiles, so that one outlier takes no colour from the rest.
"use strict";
globalThis.cfColours = (() => {
  // The lower bounds of at most `most` groups of about equally many values; equal values are in one group, and if they
  // are more than its share, the others share what is left.
  function bounds(values, most) {
    const sorted = Float64Array.from(values).sort(), lower = [];
    if (new Set(sorted).size <= most) return [...new Set(sorted)];
    for (let k = 0, end = 0; k < sorted.length; k++) {
      if (k < end || (k && sorted[k] === sorted[k - 1])) continue;
      end = k + (sorted.length - k) / (most - lower.length);
      lower.push(sorted[k]);
    }
    return lower;
  }
  function groupOf(value, lower) { let k = lower.length - 1; while (k > 0 && value < lower[k]) k--; return k; }

  // values, null where there is none; `text` of a value, `none` for a missing one
  function byNumber(values, text, none, palette) {
    const known = values.filter(v => v !== null), lower = bounds(known, palette.ramp.length), groups = [];
    const last = lower.length - 1, colour = k => palette.ramp[last ? Math.round(k * (palette.ramp.length - 1) / last) : palette.ramp.length - 1];
    groups.push({ name: none, colour: palette.unknown, count: 0 });
    const most = lower.map(() => -Infinity), of = Uint8Array.from(values, value => {
      if (value === null) return 0;
      const k = groupOf(value, lower);
      most[k] = Math.max(most[k], value);
      return k + 1;
    });
    lower.forEach((low, k) => { groups.push({ name: text(low) === text(most[k]) ? text(low) : `${text(low)} – ${text(most[k])}`, colour: colour(k), count: 0 }); });
    of.forEach(k => { groups[k].count++; });
    return { of, groups };
  }
  // one name a track, the most frequent ones in a colour each
  function byKind(kinds, names, none, palette) {
    const count = names.map(() => 0);
    kinds.forEach(k => { count[k]++; });
    const shown = names.map((_, k) => k).filter(k => names[k]).sort((a, b) => count[b] - count[a] || a - b).slice(0, palette.kinds.length);
    const place = new Map(shown.map((k, at) => [k, at + 2]));
    const groups = [none, "others"].map(name => ({ name, colour: palette.unknown, count: 0 }));
    shown.forEach((k, at) => { groups.push({ name: names[k], colour: palette.kinds[at], count: 0 }); });
    const of = Uint8Array.from(kinds, k => place.get(k) ?? (names[k] ? 1 : 0));
    of.forEach(k => { groups[k].count++; });
    return { of, groups };
  }
  const channels = colour => [1, 3, 5].map(at => parseInt(colour.slice(at, at + 2), 16));
  const packed = ([r, g, b]) => (0xff000000 | b << 16 | g << 8 | r) >>> 0;
  const pack = colour => packed(channels(colour));
  // What a colour becomes when other dots matter: most of the way to the ground.
  const faded = (colour, ground) => { const under = channels(ground); return packed(channels(colour).map((v, k) => Math.round(under[k] + (v - under[k]) * 0.22))); };
  return { bounds, byNumber, byKind, pack, faded };
})();
