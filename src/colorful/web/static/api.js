// Talking to the server: problems become errors with words, and a full queue is waited for.
import { Problem } from "./problem.js";

const PATIENCE = 40; // tries before a full queue is an error
const OF_A_PROXY = { 413: "too-large", 502: "offline", 504: "offline", 507: "no-room" }; // which has no words of ours

/** POST JSON and give the response; waits its turn when the server is busy. Whoever asked may call it off. */
export async function post(url, body, { onWait, signal } = {}) {
  const options = {
    method: "POST",
    body: JSON.stringify(body),
    signal,
    headers: { "Content-Type": "application/json", Accept: "application/json, image/webp, image/jpeg" },
  };
  return patiently(async () => {
    try {
      const reply = await fetch(url, options);
      // Read here, where a connection that breaks has words.
      const response = new Response(await reply.arrayBuffer(), reply);
      return { status: reply.status, retryAfter: reply.headers.get("Retry-After"), response };
    } catch {
      signal?.throwIfAborted();
      throw new Problem({ code: "offline" });
    }
  }, onWait, signal);
}

/** POST one photo as a form, telling how far it is; fetch() cannot tell that, so it is an XMLHttpRequest. */
export async function upload(url, file, { onProgress, onWait, signal } = {}) {
  const response = await patiently(() => new Promise((resolve, reject) => {
    const form = new FormData();
    form.append("photo", file, file.name || "photo.png");
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.setRequestHeader("Accept", "application/json");
    request.upload.onprogress = (event) => event.lengthComputable && onProgress?.(event.loaded / event.total);
    request.onload = () => resolve({
      status: request.status,
      retryAfter: request.getResponseHeader("Retry-After"),
      response: { json: async () => JSON.parse(request.responseText) },
    });
    request.onerror = () => reject(new Problem({ code: "offline" }));
    // What has gone out whole is answered: only by the answer can the server be told to forget it.
    let sent = false;
    request.upload.onload = () => { sent = true; };
    request.onabort = () => reject(signal.reason);
    signal?.addEventListener("abort", () => sent || request.abort());
    request.send(form);
  }), onWait, signal);
  return response.json();
}

async function patiently(attempt, onWait, signal) {
  // Who waits for long is told for how long about.
  const told = onWait && setInterval(async () => {
    const { seconds } = await fetch(document.body.dataset.queue).then((reply) => reply.json()).catch(() => ({}));
    if (seconds > 3) onWait(seconds);
  }, 3000);
  try {
    for (let tries = 1; ; tries += 1) {
      const answer = await attempt();
      if (answer.status < 400) return answer.response;
      if (answer.status !== 503 || tries === PATIENCE) {
        throw new Problem(await answer.response.json().catch(() => ({ code: OF_A_PROXY[answer.status] })));
      }
      const seconds = Math.min(30, Number(answer.retryAfter) || 2);
      onWait?.(seconds);
      // A little chance, so that all who were sent away do not come back at once.
      await new Promise((resolve, reject) => {
        setTimeout(resolve, 1000 * seconds * (0.8 + 0.4 * Math.random()));
        signal?.addEventListener("abort", () => reject(signal.reason));
      });
    }
  } finally {
    clearInterval(told);
  }
}
