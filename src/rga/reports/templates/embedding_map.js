"use strict";
(() => {
  const find = (id) => document.getElementById(id);
  const { projections, images, kept } = JSON.parse(find("data").textContent);
  const canvas = find("points");
  const state = { projection: 0, colour: "identity", at: -1 };
  const MARGIN = 24;
  const NEAR = 24;

  const values = (of) => [...new Set(images.map((image) => image[of]))].sort((a, b) => a - b);
  const order = { identity: values("identity"), camera: values("camera") };

  /** Colours go round the circle by the golden angle, so that neighbouring numbers differ. */
  function colour(image) {
    const number = order[state.colour].indexOf(image[state.colour]);
    return `hsl(${(number * 137.508) % 360} 65% 50%)`;
  }

  /** Where an image lies on the canvas. */
  function spot(index) {
    const [x, y] = projections[state.projection].points[index];
    const size = canvas.width - 2 * MARGIN;
    return [MARGIN + x * size, MARGIN + (1 - y) * size];
  }

  function draw() {
    const context = canvas.getContext("2d");
    context.clearRect(0, 0, canvas.width, canvas.height);
    const same = state.at < 0 ? null : images[state.at].identity;
    const later = [];
    images.forEach((image, index) => (image.identity === same ? later.push(index) : dot(context, index, 4, 0.75)));
    later.forEach((index) => dot(context, index, index === state.at ? 10 : 7, 1));
  }

  function dot(context, index, radius, alpha) {
    const [x, y] = spot(index);
    context.globalAlpha = alpha;
    context.beginPath();
    context.arc(x, y, radius, 0, 2 * Math.PI);
    context.fillStyle = colour(images[index]);
    context.fill();
    if (radius > 4) {
      context.strokeStyle = getComputedStyle(document.body).color;
      context.lineWidth = index === state.at ? 2.5 : 1;
      context.stroke();
    }
    context.globalAlpha = 1;
  }

  function show(index) {
    state.at = index;
    const { identity, camera, name, source } = images[index];
    const seen = camera === null ? "" : `, camera ${camera}`;
    find("readout").textContent = `Identity ${identity}${seen}: ${name}`;
    Object.assign(find("shown"), { src: source, alt: `The image ${name}`, hidden: false });
    draw();
  }

  canvas.addEventListener("pointermove", point);
  canvas.addEventListener("pointerdown", point);

  /** Shows the image that is nearest to the pointer, if one is near. */
  function point(event) {
    const box = canvas.getBoundingClientRect();
    const at = [event.clientX - box.left, event.clientY - box.top].map((part) => (part * canvas.width) / box.width);
    let best = -1;
    let least = NEAR ** 2;
    images.forEach((_, index) => {
      const [x, y] = spot(index);
      const distance = (x - at[0]) ** 2 + (y - at[1]) ** 2;
      if (distance < least) [best, least] = [index, distance];
    });
    if (best >= 0 && best !== state.at) show(best);
  }

  canvas.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    show((state.at + step + images.length) % images.length);
  });

  function words() {
    const { name } = projections[state.projection];
    const share = `${(100 * kept).toFixed(0)} %`;
    find("words").textContent =
      name === "UMAP"
        ? "UMAP keeps neighbours together; distances between groups mean nothing."
        : `Principal components: the plane keeps ${share} of the variance. What lies apart is apart; what lies together may be apart in other directions.`;
    const people = order.identity.length;
    canvas.setAttribute("aria-label", `Map of ${images.length} images of ${people} people by ${name}. Arrow keys go from image to image.`);
  }

  projections.forEach(({ name }, index) => {
    const option = document.createElement("option");
    Object.assign(option, { value: index, textContent: name });
    find("projection").append(option);
  });
  find("projection").onchange = (event) => { state.projection = Number(event.target.value); words(); draw(); };
  for (const radio of document.querySelectorAll("input[name=colour]")) {
    radio.disabled = radio.value === "camera" && order.camera[0] === null;
    radio.onchange = () => { state.colour = radio.value; draw(); };
  }
  window.embeddingMap = { state, spot };
  words();
  draw();
})();
