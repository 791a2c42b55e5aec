// The last view for when there is no line: what was seen last is shown again, and turns red by its own age.
// Always the network first; nothing is ever shown from here while the mine can be reached.
"use strict";
const KEPT = "minectl-1";
const PAGES = ["./", "index.html", "fleet.html", "events.html", "report.html", "style.css", "script.js", "icon.svg"];
const PATIENCE_MS = 6000;

// One after the other, and a refusal is read to its end: an answer left half read holds its connection, and there are
// only six, so that a page which does not exist yet would keep the worker from ever being ready.
async function keepPages() {
  const kept = await caches.open(KEPT);
  for (const one of PAGES) {
    try {
      const fresh = await fetch(one, { cache: "no-store" });
      if (fresh.ok) { await kept.put(one, fresh); } else { await fresh.text(); }
    } catch { /* it is kept when it is next seen */ }
  }
}

self.addEventListener("install", (event) => {
  self.skipWaiting();
  event.waitUntil(keepPages());
});

self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(
    names.filter((name) => name.startsWith("minectl-") && name !== KEPT).map((name) => caches.delete(name))
  )).then(() => self.clients.claim()));
});

// The pages a tick writes and their files; what the service answers is never kept: it may be for one person alone.
function ours(request) {
  const url = new URL(request.url);
  const below = url.pathname.slice(new URL(self.registration.scope).pathname.length);
  return request.method === "GET" && url.origin === self.location.origin && !request.headers.has("authorization") && !request.headers.has("minectl-token")
    && /^$|^(miner\/)?[\w.-]+\.(html|css|js|svg|png|webmanifest)$/.test(below) && below !== "sw.js";
}

function late() {
  return new Promise((_, refuse) => { setTimeout(() => refuse(new Error("late")), PATIENCE_MS); });
}

async function answer(request) {
  const kept = await caches.open(KEPT);
  const asked = fetch(request).then((fresh) => {
    if (fresh.ok && fresh.type === "basic") { kept.put(request.url.split("?")[0], fresh.clone()); } // not those of before
    return fresh;
  });
  asked.catch(() => undefined);
  try {
    return await Promise.race([asked, late()]);
  } catch {
    return await kept.match(request, { ignoreSearch: true }) || asked;
  }
}

self.addEventListener("fetch", (event) => {
  if (ours(event.request)) { event.respondWith(answer(event.request)); }
});
