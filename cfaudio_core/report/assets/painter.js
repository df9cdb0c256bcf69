// Paints the dots of the map: by WebGL2 where there is a graphics card, and else into the pixels of a canvas, which is
// quicker than a card that software pretends to be.
"use strict";
globalThis.makePainter = (canvas, x, y) => {
  let order = new Uint32Array(0), colours = new Uint32Array(0), sizes = new Uint8Array(0), changed = true;
  const asked = { antialias: false, preserveDrawingBuffer: true, failIfMajorPerformanceCaveat: true };
  const gl = hasCard() ? canvas.getContext("webgl2", asked) : null;
  const paint = gl ? withShaders() : withPixels();

  // Browsers do not all refuse a card that is software; its name tells, asked of a canvas that is thrown away.
  function hasCard() {
    const probe = document.createElement("canvas").getContext("webgl2", asked);
    if (!probe) return false;
    let name = probe.getParameter(probe.RENDERER);
    const info = name.startsWith("WebKit") && probe.getExtension("WEBGL_debug_renderer_info");
    if (info) name = probe.getParameter(info.UNMASKED_RENDERER_WEBGL);
    probe.getExtension("WEBGL_lose_context")?.loseContext();
    return !/swiftshader|llvmpipe|softpipe|software|basic render/i.test(name);
  }

  // ---- with a graphics card
  function withShaders() {
    const VERTEX = `#version 300 es
      in vec2 place; in vec4 colour; in float grown;
      uniform vec4 look; uniform float size;
      out vec4 tint; out float across;
      void main() {
        gl_Position = vec4((place - look.xy) * look.zw, 0., 1.);
        across = max(size * grown / 16., 1.);
        gl_PointSize = across + 1.;
        tint = colour;
      }`;
    const FRAGMENT = `#version 300 es
      precision mediump float;
      in vec4 tint; in float across;
      out vec4 painted;
      void main() {
        float away = length(gl_PointCoord - .5) * (across + 1.);
        painted = vec4(tint.rgb, 1.) * clamp(across * .5 + .5 - away, 0., 1.);
      }`;
    let look, size, buffers;
    function begin() {
      const program = gl.createProgram();
      for (const [type, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
        const shader = gl.createShader(type);
        gl.shaderSource(shader, text); gl.compileShader(shader); gl.attachShader(program, shader);
      }
      gl.linkProgram(program); gl.useProgram(program);
      gl.enable(gl.BLEND); gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
      look = gl.getUniformLocation(program, "look"); size = gl.getUniformLocation(program, "size");
      buffers = [["place", 2, gl.FLOAT, false], ["colour", 4, gl.UNSIGNED_BYTE, true], ["grown", 1, gl.UNSIGNED_BYTE, false]].map(([name, ...kind]) => {
        const buffer = gl.createBuffer(), where = gl.getAttribLocation(program, name);
        gl.bindBuffer(gl.ARRAY_BUFFER, buffer); gl.enableVertexAttribArray(where);
        gl.vertexAttribPointer(where, ...kind, 0, 0);
        return buffer;
      });
      changed = true;
    }
    function send() {
      const places = new Float32Array(2 * order.length);
      order.forEach((i, k) => { places[2 * k] = x[i]; places[2 * k + 1] = y[i]; });
      [places, Uint32Array.from(order, i => colours[i]), Uint8Array.from(order, i => sizes[i])].forEach((values, k) => {
        gl.bindBuffer(gl.ARRAY_BUFFER, buffers[k]); gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
      });
      changed = false;
    }
    canvas.addEventListener("webglcontextlost", event => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => { begin(); api.onRestored(); });
    begin();
    return (at, width, height, dot) => {
      if (gl.isContextLost()) return;
      if (changed) send();
      gl.viewport(0, 0, width, height);
      gl.clearColor(0, 0, 0, 0); gl.clear(gl.COLOR_BUFFER_BIT);
      gl.uniform4f(look, at.x, at.y, 2 * at.scale / width, 2 * at.scale / height); gl.uniform1f(size, dot);
      gl.drawArrays(gl.POINTS, 0, order.length);
    };
  }

  // ---- without one: each dot is a stamp of pixels, solid within and blended at its edge
  function withPixels() {
    const context = canvas.getContext("2d"), PAD = 24, stamps = new Map();
    let image = null, pixels = null;
    function stamp(across, row) {
      const radius = Math.max(across, 1) / 2, reach = Math.ceil(radius), solid = [], edge = [];
      for (let dy = -reach; dy <= reach; dy++) for (let dx = -reach; dx <= reach; dx++) {
        const covered = Math.min(1, Math.max(0, radius + 0.5 - Math.hypot(dx, dy)));
        if (covered > 0.75) solid.push(dy * row + dx); else if (covered > 0.05) edge.push(dy * row + dx, Math.round(256 * covered));
      }
      return { solid: Int32Array.from(solid), edge: Int32Array.from(edge) };
    }
    // Two channels at a time; `share` is of 256.
    function blend(under, over, share) {
      const alpha = under >>> 24, rest = 256 - share;
      if (!alpha) return ((over & 0xffffff) | (share << 24)) >>> 0;
      const odd = (((under & 0xff00ff) * rest + (over & 0xff00ff) * share) >>> 8) & 0xff00ff;
      const even = (((under & 0xff00) * rest + (over & 0xff00) * share) >>> 8) & 0xff00;
      return (odd | even | ((alpha + ((255 - alpha) * share >> 8)) << 24)) >>> 0;
    }
    return (at, width, height, dot) => {
      const row = width + 2 * PAD, rows = height + 2 * PAD;
      if (!image || image.width !== row || image.height !== rows) {
        image = context.createImageData(row, rows); pixels = new Uint32Array(image.data.buffer); stamps.clear();
      } else pixels.fill(0);
      const left = row / 2 - at.x * at.scale + 0.5, top = rows / 2 + at.y * at.scale + 0.5, scale = at.scale;
      const right = row - PAD, bottom = rows - PAD, reach = PAD / 2;
      let grown = -1, solid = null, edge = null;
      for (let k = 0; k < order.length; k++) {
        const i = order[k], px = Math.floor(left + x[i] * scale), py = Math.floor(top - y[i] * scale);
        if (px < reach || py < reach || px >= right + reach || py >= bottom + reach) continue;
        if (sizes[i] !== grown) {
          grown = sizes[i];
          const across = Math.min(PAD - 4, Math.round(dot * grown / 4) / 4);
          if (!stamps.has(across)) stamps.set(across, stamp(across, row));
          ({ solid, edge } = stamps.get(across));
        }
        const where = py * row + px, colour = colours[i];
        for (let j = 0; j < solid.length; j++) pixels[where + solid[j]] = colour;
        for (let j = 0; j < edge.length; j += 2) pixels[where + edge[j]] = blend(pixels[where + edge[j]], colour, edge[j + 1]);
      }
      context.putImageData(image, -PAD, -PAD);
    };
  }

  const api = {
    withCard: Boolean(gl), onRestored() {},
    // The dots in the order to paint them, for all of them a colour as 0xAABBGGRR, and a size in sixteenths of the usual one.
    set(...dots) { [order, colours, sizes] = dots; changed = true; },
    // `at` is the centre, and pixels a step, all in pixels of the canvas; `dot` the usual size.
    draw(at, width, height, dot) {
      if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
      paint(at, width, height, dot);
    },
  };
  return api;
};
