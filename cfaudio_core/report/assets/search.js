// Search: tracks that have all words somewhere in title, artist, album, genres and tags, whatever the accents.
"use strict";
globalThis.cfSearch = (() => {
  const plain = text => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();
  // One text a track, of all that it may be found by.
  function texts(data) {
    const [artists, albums, genres, tags] = [data.artists, data.albums, data.genres, data.tags].map(all => all.map(plain));
    return data.x.map((_, i) => [plain(data.title[i]), artists[data.artist[i]], albums[data.album[i]], genres[data.genre[i]], tags[data.tag[i]],
      ...data.genre_more[i].map(k => genres[k]), ...data.tag_more[i].map(k => tags[k])].join("\n"));
  }
  // Positions of what is found; null where there is nothing to look for.
  function find(texts, wanted) {
    const words = plain(wanted).split(/\s+/).filter(Boolean);
    return words.length ? texts().flatMap((text, i) => words.every(word => text.includes(word)) ? [i] : []) : null;
  }
  return { texts, find };
})();
