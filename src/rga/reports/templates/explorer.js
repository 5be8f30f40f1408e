"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const images = JSON.parse(find("data").textContent).images;

  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const floats = (text) => new Float32Array(bytes(text).buffer);
  const whole = (text, signed) => (signed ? new Int8Array(bytes(text).buffer) : bytes(text));

  /** theta and phi of all nodes of one attention, from which a node's affinities are computed when they are asked for. */
  class Relations {
    constructor(raw) {
      Object.assign(this, { name: raw.name, stage: raw.stage, kind: raw.kind, nodes: raw.nodes });
      Object.assign(this, { largestError: raw.largest_error, meanError: raw.mean_error });
      this.theta = whole(raw.theta, raw.signed.theta);
      this.phi = whole(raw.phi, raw.signed.phi);
      this.weight = floats(raw.weight);
      this.gates = floats(raw.gates);
      [this.rows, this.columns] = raw.kind === "spatial" ? raw.grid : sheet(raw.nodes);
    }

    /** The affinities of a node to all nodes: a row of R, or of its transpose with the two factors exchanged. */
    affinities(node, from, to) {
      const features = this.weight.length;
      const own = this.weight.map((weight, d) => weight * from[node * features + d]);
      const found = new Float32Array(this.nodes);
      for (let j = 0; j < this.nodes; j++) {
        let sum = 0;
        for (let d = 0; d < features; d++) sum += own[d] * to[j * features + d];
        found[j] = sum;
      }
      return found;
    }

    values(node, shown) {
      if (shown === "gates") return this.gates;
      return shown === "to" ? this.affinities(node, this.theta, this.phi) : this.affinities(node, this.phi, this.theta);
    }

    /** What a node is called. */
    said(node) {
      if (this.kind === "channel") return `channel ${node}`;
      return `row ${Math.floor(node / this.columns) + 1}, column ${(node % this.columns) + 1}`;
    }
  }

  /** Rows and columns in which channels are laid out. */
  function sheet(nodes) {
    const columns = 2 ** Math.ceil(Math.log2(Math.sqrt(nodes)));
    return [Math.ceil(nodes / columns), columns];
  }

  // viridis and magma of matplotlib, at nine values; between them colours are interpolated
  const COLOURS = {
    gates: ["440154", "472d7b", "3b528b", "2c728e", "21918c", "28ae80", "5ec962", "addc30", "fde725"],
    relations: ["000004", "1d1147", "51127c", "832681", "b73779", "e75263", "fc8961", "fec488", "fcfdbf"],
  };

  function colour(kind, share) {
    const stops = COLOURS[kind];
    const at = Math.min(Math.max(share, 0), 1) * (stops.length - 1);
    const low = Math.min(Math.floor(at), stops.length - 2);
    return [0, 2, 4].map((start) => {
      const [a, b] = [low, low + 1].map((index) => parseInt(stops[index].slice(start, start + 2), 16));
      return Math.round(a + (b - a) * (at - low));
    });
  }

  const decoded = images.map((image) => image.modules.map((raw) => new Relations(raw)));
  const state = { module: 0, shown: "to", cover: 0.65, position: [0.5, 0.5] };
  let panels = [];

  /** One image, its map, and the node that is pointed at. */
  class Panel {
    constructor(index) {
      this.index = index;
      this.source = new Image();
      this.source.src = images[index].source;
      this.source.onload = draw;
      this.figure = document.createElement("figure");
      this.canvas = document.createElement("canvas");
      this.canvas.tabIndex = 0;
      this.canvas.setAttribute("role", "application");
      this.readout = document.createElement("p");
      this.readout.setAttribute("aria-live", "polite");
      this.readout.id = `readout-${index}`;
      this.canvas.setAttribute("aria-describedby", this.readout.id);
      const caption = document.createElement("figcaption");
      caption.textContent = images[index].name;
      this.figure.append(caption, this.canvas, this.readout);
      this.canvas.addEventListener("pointermove", (event) => this.point(event));
      this.canvas.addEventListener("pointerdown", (event) => this.point(event));
      this.canvas.addEventListener("keydown", (event) => this.step(event));
    }

    get relations() {
      return decoded[this.index][state.module];
    }

    /** The node at the position that is pointed at, the same share of height and width in all images. */
    get node() {
      const { rows, columns, nodes } = this.relations;
      const [row, column] = [rows, columns].map((cells, axis) => Math.min(Math.floor(state.position[axis] * cells), cells - 1));
      return Math.min(row * columns + column, nodes - 1);
    }

    point(event) {
      const box = this.canvas.getBoundingClientRect();
      const inside = (share) => Math.min(Math.max(share, 0), 1);
      state.position = [inside((event.clientY - box.top) / box.height), inside((event.clientX - box.left) / box.width)];
      draw();
    }

    step(event) {
      const moves = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };
      const move = moves[event.key];
      if (!move) return;
      event.preventDefault();
      const cells = [this.relations.rows, this.relations.columns];
      state.position = state.position.map((share, axis) => {
        const cell = Math.min(Math.floor(share * cells[axis]), cells[axis] - 1) + move[axis];
        return (Math.min(Math.max(cell, 0), cells[axis] - 1) + 0.5) / cells[axis];
      });
      draw();
    }

    compute() {
      this.values = this.relations.values(this.node, state.shown);
    }

    draw(low, high) {
      const { rows, columns, nodes, kind } = this.relations;
      const image = images[this.index];
      const [height, width] = kind === "spatial" ? [image.height, image.width] : [rows, columns];
      const scale = Math.max(1, Math.round(512 / height));
      Object.assign(this.canvas, { width: width * scale, height: height * scale });
      const context = this.canvas.getContext("2d");
      context.imageSmoothingEnabled = false;
      const small = document.createElement("canvas");
      Object.assign(small, { width: columns, height: rows });
      const pixels = new ImageData(columns, rows);
      for (let j = 0; j < nodes; j++) {
        const share = high > low ? (this.values[j] - low) / (high - low) : 0;
        pixels.data.set([...colour(state.shown === "gates" ? "gates" : "relations", share), 255], 4 * j);
      }
      small.getContext("2d").putImageData(pixels, 0, 0);
      if (kind === "spatial" && this.source.complete) {
        context.drawImage(this.source, 0, 0, this.canvas.width, this.canvas.height);
        context.globalAlpha = state.cover;
      }
      context.drawImage(small, 0, 0, this.canvas.width, this.canvas.height);
      context.globalAlpha = 1;
      const cell = [this.canvas.height / rows, this.canvas.width / columns];
      const [row, column] = [Math.floor(this.node / columns), this.node % columns];
      for (const [line, ink] of [[5, "#000"], [2, "#fff"]]) {
        context.lineWidth = line;
        context.strokeStyle = ink;
        context.strokeRect(column * cell[1], row * cell[0], cell[1], cell[0]);
      }
      this.say();
    }

    say() {
      const relations = this.relations;
      const gate = relations.gates[this.node];
      let text = `${capital(relations.said(this.node))}: gate ${gate.toFixed(3)}, `;
      text += `in this image ${Math.min(...relations.gates).toFixed(3)} to ${Math.max(...relations.gates).toFixed(3)}.`;
      if (state.shown !== "gates") {
        const order = Array.from(this.values.keys()).sort((a, b) => this.values[b] - this.values[a]).slice(0, 3);
        const way = state.shown === "to" ? "Its strongest relations are to" : "Its strongest relations are from";
        text += ` ${way} ${order.map((node) => `${relations.said(node)} (${this.values[node].toPrecision(3)})`).join("; ")}.`;
      }
      this.readout.textContent = text;
      const unit = relations.kind === "spatial" ? "positions" : "channels";
      this.canvas.setAttribute("aria-label", `Map of ${relations.rows} by ${relations.columns} ${unit} of ${images[this.index].name}. Arrow keys move the mark.`);
    }
  }

  const capital = (text) => text[0].toUpperCase() + text.slice(1);

  function draw() {
    let [low, high] = [Infinity, -Infinity];
    for (const panel of panels) {
      panel.compute();
      for (const value of panel.values) [low, high] = [Math.min(low, value), Math.max(high, value)];
    }
    if (state.shown !== "gates") low = Math.min(low, 0);
    for (const panel of panels) panel.draw(low, high);
    legend(low, high);
  }

  function legend(low, high) {
    const gates = state.shown === "gates";
    const context = find("ramp").getContext("2d");
    for (let x = 0; x < 256; x++) {
      context.fillStyle = `rgb(${colour(gates ? "gates" : "relations", x / 255).join(" ")})`;
      context.fillRect(x, 0, 1, 12);
    }
    find("low").textContent = low.toPrecision(3);
    find("high").textContent = high.toPrecision(3);
    const unit = panels[0].relations.kind === "spatial" ? "position" : "channel";
    find("words").textContent = gates
      ? `Dark: the gate weakens the map at this ${unit}. Bright: the map passes.`
      : `Dark: no relation with the marked ${unit}. Bright: a strong one.`;
    const { largestError, meanError } = panels[0].relations;
    const percent = (share) => `${(100 * share).toPrecision(2)} %`;
    find("error").textContent =
      `Relations are computed in this page from theta and phi in 8 bits. Of the largest affinity of this attention they are off by at most ` +
      `${percent(largestError)}, and by ${percent(meanError)} in the root mean square over all pairs.`;
  }

  function option(select, value, text) {
    const each = document.createElement("option");
    Object.assign(each, { value, textContent: text });
    select.append(each);
  }

  function choose() {
    const chosen = [Number(find("first").value)];
    if (find("second").value !== "") chosen.push(Number(find("second").value));
    panels = chosen.map((index) => new Panel(index));
    find("panels").replaceChildren(...panels.map((panel) => panel.figure));
    draw();
  }

  option(find("second"), "", "none");
  images.forEach((image, index) => {
    option(find("first"), index, image.name);
    option(find("second"), index, image.name);
  });
  decoded[0].forEach((relations, index) => {
    const kind = relations.kind === "spatial" ? `${relations.rows}x${relations.columns} positions` : `${relations.nodes} channels`;
    option(find("module"), index, `after ${relations.stage}: ${kind}`);
  });
  if (images.length > 1) find("second").value = "1";
  find("first").onchange = choose;
  find("second").onchange = choose;
  find("module").onchange = (event) => { state.module = Number(event.target.value); draw(); };
  find("cover").oninput = (event) => { state.cover = event.target.value / 100; draw(); };
  for (const radio of document.querySelectorAll("input[name=shown]")) {
    radio.onchange = () => { state.shown = radio.value; draw(); };
  }
  document.querySelector("form").onsubmit = (event) => event.preventDefault();
  window.explorer = { panels: () => panels };
  choose();
})();
