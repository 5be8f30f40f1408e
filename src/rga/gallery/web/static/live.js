// New matches, as the server tells them.
"use strict";

const SHOWN = 60, AGAIN = 3000, OVERLAP = 120000; // milliseconds; what was added last may be told twice, rather than never
const state = document.getElementById("state"), matches = document.getElementById("matches"), template = document.getElementById("match");
const told = new Set();
const thumbnail = (sighting) => `/api/sightings/${sighting}/thumbnail`;
let last = "";

function listen() {
  const since = last ? `&since=${encodeURIComponent(new Date(Date.parse(last) - OVERLAP).toISOString())}` : "";
  const source = new EventSource(`/api/events?unsure=true${since}`);
  source.addEventListener("open", () => (state.textContent = "Connected: waiting for new sightings."));
  source.addEventListener("error", () => {
    if (source.readyState === EventSource.CLOSED) refused(); // the browser does not try again by itself, and does not say why
    else state.textContent = "The connection was lost. Trying again …";
  });
  source.addEventListener("match", (event) => {
    last = event.lastEventId;
    show(JSON.parse(event.data));
  });
}

async function refused() {
  const answer = await fetch("/api/actions?limit=1").catch(() => null);
  if (answer && answer.status === 401) {
    const link = document.createElement("a");
    link.href = "/live";
    link.textContent = "Log in again";
    state.replaceChildren("You are logged out, and nothing new appears here. ", link);
    return;
  }
  state.textContent = "The server takes no more listeners for the moment. Trying again …";
  setTimeout(listen, AGAIN);
}

function show(match) {
  if (told.has(match.sighting.id)) return;
  told.add(match.sighting.id);
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
}

listen();
