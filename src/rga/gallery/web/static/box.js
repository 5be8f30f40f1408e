// A box that is drawn in a frame by pointer or by keyboard; the four numbers below it are what is sent.
"use strict";

const frame = document.querySelector("[data-frame]");
const box = document.getElementById("box");
const [W, H] = [Number(frame.dataset.width), Number(frame.dataset.height)];
const fields = Object.fromEntries(["left", "top", "width", "height"].map((name) => [name, document.querySelector(`input[name=${name}]`)]));
const SMALLEST = 2;
const clamp = (value, low, high) => Math.min(Math.max(Math.round(value), low), high);

/** Shows the box that the numbers tell. */
function draw() {
  const [left, top, width, height] = Object.values(fields).map((field) => Number(field.value));
  Object.assign(box.style, { left: `${(100 * left) / W}%`, top: `${(100 * top) / H}%`, width: `${(100 * width) / W}%`, height: `${(100 * height) / H}%` });
  box.setAttribute("aria-label", `Box around the person: left ${left}, top ${top}, width ${width}, height ${height}`);
  box.hidden = false;
}

/** Takes a box, which is kept inside of the frame. */
function set(left, top, width, height) {
  const w = clamp(width, SMALLEST, W), h = clamp(height, SMALLEST, H);
  Object.entries({ left: clamp(left, 0, W - w), top: clamp(top, 0, H - h), width: w, height: h }).forEach(([name, value]) => (fields[name].value = value));
  draw();
}

/** Where a pointer is, in pixels of the image. */
function at(event) {
  const area = frame.getBoundingClientRect();
  return [((event.clientX - area.left) * W) / area.width, ((event.clientY - area.top) * H) / area.height];
}

let drag = null;
frame.addEventListener("pointerdown", (event) => {
  const [x, y] = at(event);
  drag = { x, y, moved: event.target === box ? [Number(fields.left.value), Number(fields.top.value)] : null };
  frame.setPointerCapture(event.pointerId);
});
frame.addEventListener("pointermove", (event) => {
  if (!drag) return;
  const [x, y] = at(event);
  if (drag.moved) set(drag.moved[0] + x - drag.x, drag.moved[1] + y - drag.y, Number(fields.width.value), Number(fields.height.value));
  else if (Math.hypot(x - drag.x, y - drag.y) > SMALLEST) {
    const left = clamp(Math.min(x, drag.x), 0, W), top = clamp(Math.min(y, drag.y), 0, H);
    set(left, top, clamp(Math.max(x, drag.x), 0, W) - left, clamp(Math.max(y, drag.y), 0, H) - top);
  }
});
for (const end of ["pointerup", "pointercancel"]) frame.addEventListener(end, () => (drag = null));

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
box.addEventListener("keydown", (event) => {
  const arrow = ARROWS[event.key];
  if (!arrow) return;
  event.preventDefault();
  const step = event.ctrlKey || event.metaKey ? Math.max(10, Math.round(W / 20)) : Math.max(1, Math.round(W / 400));
  const [left, top, width, height] = Object.values(fields).map((field) => Number(field.value));
  const [across, down] = arrow.map((direction) => direction * step);
  if (event.shiftKey) set(left, top, width + across, height + down);
  else set(left + across, top + down, width, height);
});
Object.values(fields).forEach((field) => field.addEventListener("input", draw));
draw();
