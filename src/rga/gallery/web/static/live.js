// New matches, as the server tells them.
"use strict";

const SHOWN = 60;
const state = document.getElementById("state"), matches = document.getElementById("matches"), template = document.getElementById("match");
const source = new EventSource("/api/events?unsure=true");
const thumbnail = (sighting) => `/api/sightings/${sighting}/thumbnail`;

source.addEventListener("open", () => (state.textContent = "Connected: waiting for new sightings."));
source.addEventListener("error", () => (state.textContent = "The connection was lost. Trying again …"));
source.addEventListener("match", (event) => {
  const match = JSON.parse(event.data);
  const card = template.content.cloneNode(true);
  const [now, before] = card.querySelectorAll("img");
  now.src = thumbnail(match.sighting.id);
  before.src = thumbnail(match.example);
  card.querySelector("a").href = `/sightings/${match.sighting.id}`;
  card.querySelector(".name").textContent = match.name || (match.person ? "Unnamed person" : "Somebody seen before");
  const time = match.sighting.time ? new Date(match.sighting.time).toLocaleString() : "time unknown";
  card.querySelector(".meta").textContent = `${match.decision}, similarity ${(1 - match.distance).toFixed(2)} · ${match.sighting.camera || "unknown camera"} · ${time}`;
  matches.prepend(card);
  while (matches.children.length > SHOWN) matches.lastElementChild.remove();
});
