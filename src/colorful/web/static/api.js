// Talking to the server: problems become errors with words, and a full queue is waited for.
import { Problem } from "./texts.js";

const OF_A_PROXY = { 401: "login", 413: "too-large", 502: "offline", 504: "offline", 507: "no-room" }; // which has no words of ours

/** POST an object as JSON, or a form, and wait for the turn when the server is busy. Whoever asked may call it off. */
export async function post(url, body, { onProgress, onWait, signal } = {}) {
  // Who waits for long is told for how long about.
  const told = onWait && setInterval(async () => {
    const { seconds } = await fetch(document.body.dataset.queue).then((reply) => reply.json()).catch(() => ({}));
    if (seconds > 3) onWait?.(seconds);
  }, 3000);
  try {
    for (let tries = 1; ; tries += 1) {
      const reply = await attempt(url, body, onProgress, signal);
      if (reply.ok) return reply;
      if (reply.status !== 503 || tries === 40) { // so long is a full queue waited for
        throw new Problem(await reply.json().catch(() => ({ code: OF_A_PROXY[reply.status] })));
      }
      const seconds = Math.min(30, reply.after || 2);
      onWait?.(seconds);
      // A little chance, so that all who were sent away do not come back at once.
      await new Promise((resolve) => {
        setTimeout(resolve, seconds * (800 + 400 * Math.random()));
        signal?.addEventListener("abort", resolve);
      });
    }
  } finally {
    clearInterval(told);
    onWait = null; // what is told later is not true any more
  }
}

/** One try. It is an XMLHttpRequest, since fetch() cannot tell how far an upload is. */
function attempt(url, body, onProgress, signal) {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "blob";
    const isForm = body instanceof FormData;
    if (!isForm) request.setRequestHeader("Content-Type", "application/json");
    request.upload.onprogress = ({ loaded, total }) => total && onProgress?.(loaded / total);
    const stop = () => request.abort();
    const finish = () => signal?.removeEventListener("abort", stop);
    signal?.addEventListener("abort", stop);
    // A photo that has gone out whole is answered: only by the answer can the server be told to forget it.
    if (isForm) request.upload.onload = finish;
    request.onloadend = finish;
    request.onload = () => resolve(Object.assign(new Response(request.response, {
      // A page is no answer of ours: what is in front of the server wants a login first.
      status: request.status === 200 && /html/.test(request.response.type) ? 401 : request.status,
    }), { after: request.getResponseHeader("Retry-After") }));
    request.onerror = () => reject(new Problem({ code: "offline" }));
    request.onabort = () => reject(signal.reason);
    request.send(isForm ? body : JSON.stringify(body));
  });
}
