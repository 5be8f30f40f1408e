// What makes the pages smoother: images dropped and pasted, and results that change in place. Everything works without it, too.
"use strict";

const MOST_AT_ONCE = 1000;

/** Puts files into the field of a drop zone, and sends its form if that is all there is to send. */
function choose(zone, files) {
  const field = zone.querySelector("input[type=file]");
  const images = Array.from(files).slice(0, MOST_AT_ONCE);
  if (!images.length) return;
  const transfer = new DataTransfer();
  for (const file of images) transfer.items.add(file);
  field.files = transfer.files;
  chosen(zone);
}

/** Says what was chosen, and sends it where nothing else is to be filled in. */
function chosen(zone) {
  const files = zone.querySelector("input[type=file]").files;
  zone.querySelector("[data-chosen]").textContent = files.length ? `${files.length} ${files.length === 1 ? "image" : "images"} chosen` : "";
  if (files.length && "auto" in zone.dataset) zone.closest("form").requestSubmit();
}

const zoneOf = (event) => (event.target instanceof Element ? event.target.closest("[data-drop]") : null);

document.addEventListener("change", (event) => {
  const zone = zoneOf(event);
  if (zone) chosen(zone);
});
document.addEventListener("dragover", (event) => {
  const zone = zoneOf(event) || document.querySelector("[data-drop]");
  if (!zone || !event.dataTransfer.types.includes("Files")) return;
  event.preventDefault();
  zone.classList.add("over");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.querySelectorAll(".over").forEach((zone) => zone.classList.remove("over"));
});
document.addEventListener("drop", (event) => {
  const zone = zoneOf(event) || document.querySelector("[data-drop]");
  if (!zone || !event.dataTransfer.files.length) return;
  event.preventDefault();
  zone.classList.remove("over");
  choose(zone, event.dataTransfer.files);
});
document.addEventListener("paste", (event) => {
  const zone = document.querySelector("[data-drop]");
  const images = Array.from(event.clipboardData?.files ?? []).filter((file) => file.type.startsWith("image/"));
  if (zone && images.length) {
    event.preventDefault();
    choose(zone, images);
  }
});

// Results that changed in place are announced, and the focus stays where it was, or goes to the heading.
let focused = "";
document.addEventListener("htmx:beforeSwap", () => {
  focused = document.activeElement?.id ?? "";
});
document.addEventListener("htmx:afterSettle", () => {
  const said = Array.from(document.querySelectorAll("#main [data-announce] p, #main h1[data-announce]"), (each) => each.textContent.trim());
  document.getElementById("live-region").textContent = said.join(" ").replace(/\s+/g, " ");
  const before = focused && document.getElementById(focused);
  (before || document.querySelector("#undo") || document.querySelector("#main h1"))?.focus({ preventScroll: true });
});
