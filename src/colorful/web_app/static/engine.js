// Gets the worker what it needs, once: the runtime and the model, by hand of the browser's cache.
import { app, cache as kept } from "./app.js";
import { Problem } from "./texts.js";

const listeners = new Set();
const waiting = new Map(); // answers that are to come, by the number of the question
let [worker, running, share, count] = [null, null, 0, 0];

/** Be told how far the start is, in [0, 1]; the answer ends it. */
export function follow(listener) {
  listeners.add(listener);
  listener(share);
  return () => listeners.delete(listener);
}

/** Start, unless that is done. The answer tells what computes: "gpu" or "cpu". */
export function start() {
  running ??= begin().catch((problem) => {
    stop(problem);
    throw problem;
  });
  return running;
}

/** Have the worker do something; see worker.js for what. Whoever asked may call it off. */
export async function ask(kind, question, { signal } = {}) {
  await start();
  signal?.throwIfAborted();
  const answer = await tell(kind, question);
  signal?.throwIfAborted();
  return answer;
}

/** Have the worker forget a photo, if there is a worker. */
export function forget(key) {
  if (worker) tell("forget", { key }).catch(() => {});
}

async function begin() {
  if (await hasGpu()) {
    try {
      return await load("gpu");
    } catch (problem) { // another driver, another day: processors can do it too
      stop(problem);
      running = load("cpu"); // who asks meanwhile waits for this one, too
      return running;
    }
  }
  return load("cpu");
}

async function hasGpu() {
  if (!("Suspending" in WebAssembly)) return false; // which the build for graphics processors needs
  const adapter = await navigator.gpu?.requestAdapter().catch(() => null);
  return Boolean(adapter) && !(adapter.info?.isFallbackAdapter ?? adapter.isFallbackAdapter);
}

async function load(kind) {
  const files = [app.runtimes[kind].wasm, app.model];
  const all = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let come = 0;
  const onBytes = (bytes) => {
    come += bytes;
    share = Math.min(1, come / all);
    for (const listener of listeners) listener(share);
  };
  const [wasm, model] = await Promise.all(files.map(({ name }) => bytesOf(name, onBytes)));
  worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.onmessage = ({ data: { id, result, problem } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (!problem) resolve(result);
    else reject(new Problem(problem));
    if (problem?.code === "internal") stop(new Problem(problem)); // as out of memory: the next one starts afresh
  };
  worker.onerror = () => stop(new Problem({ code: "internal" }));
  await tell("start", { wasm, model, gpu: kind === "gpu" }, [wasm, model]);
  return kind;
}

function tell(kind, question, transfer = []) {
  return new Promise((resolve, reject) => {
    waiting.set(count += 1, { resolve, reject });
    worker.postMessage({ id: count, kind, ...question }, transfer);
  });
}

function stop(problem) {
  worker?.terminate();
  [worker, running] = [null, null];
  for (const { reject } of waiting.values()) reject(problem);
  waiting.clear();
}

/** The content of a file, which the browser keeps so that it is fetched once; it is gzipped, whatever the server does. */
async function bytesOf(name, onBytes) {
  const cache = await globalThis.caches?.open(kept).catch(() => null); // none where the address is not secure
  const there = await cache?.match(name);
  const reply = there ?? await fetch(name).catch(() => null);
  // Some networks answer everything with a page of their own, which is not to be kept.
  if (!reply?.ok || /html/.test(reply.headers.get("Content-Type"))) throw new Problem({ code: "offline" });
  try {
    const parts = [];
    const reader = reply.body.getReader();
    for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
      parts.push(value);
      onBytes(value.length);
    }
    const file = new Blob(parts);
    const bytes = await unpacked(file); // fails where something is missing
    if (!there) await cache?.put(name, new Response(file)).catch(() => {}); // where there is no room left
    return bytes;
  } catch {
    await cache?.delete(name);
    throw new Problem({ code: "offline" });
  }
}

async function unpacked(file) {
  const [first, second] = new Uint8Array(await file.slice(0, 2).arrayBuffer());
  // Some servers say of a gzipped file that it is; then the browser has unpacked it.
  if (first !== 0x1f || second !== 0x8b) return file.arrayBuffer();
  return new Response(file.stream().pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
}
