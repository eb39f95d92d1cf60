// Keeps the page for days without a connection. A new version waits until no page of the old one is open, so that
// none is made of parts of both.
const { version, shell, large, policy } = APP;
const ours = `colorful ${new URL("./", location).pathname} `;
const current = ours + version;

self.addEventListener("install", (event) => event.waitUntil((async () => {
  const kept = await caches.open(current);
  await kept.addAll(shell.map((name) => new Request(name, { cache: "reload" })));
  // What an older version has of the large files, whose names tell their content, need not come again.
  for (const name of large) {
    const there = await caches.match(name);
    if (there) await kept.put(name, there);
  }
})()));

self.addEventListener("activate", (event) => event.waitUntil((async () => {
  for (const name of await caches.keys()) if (name.startsWith(ours) && name !== current) await caches.delete(name);
  await self.clients.claim();
})()));

self.addEventListener("fetch", (event) => {
  const { method, url, mode } = event.request;
  if (method === "GET" && url.startsWith(self.registration.scope)) event.respondWith(answer(event.request, url, mode));
});

async function answer(request, url, mode) {
  const kept = await caches.open(current);
  const name = url.replace(/[?#].*/s, "");
  const there = await kept.match(mode === "navigate" && name === self.registration.scope ? "index.html" : name);
  if (!there) return fetch(request);
  // A worker has the policy that came with its script, not that of the page.
  const headers = new Headers(there.headers);
  headers.set("Content-Security-Policy", policy);
  return new Response(there.body, { headers });
}
