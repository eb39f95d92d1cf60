// What outlives the tab: the browser keeps photos and edits until they are removed here, and all tabs of the page hear
// of what one of them changes. Where the browser keeps nothing, the page starts afresh each time. Pages of one site
// keep their photos apart: each by its folder.
const name = new URL(".", location);
const news = new BroadcastChannel(name);
export let storage = {};
try {
  storage = localStorage;
} catch {} // it is forbidden
const database = new Promise((resolve, reject) => {
  const request = indexedDB.open(name, 1);
  request.onupgradeneeded = () => request.result.createObjectStore("photos", { keyPath: "key" });
  request.onsuccess = () => resolve(request.result);
  request.onerror = reject;
}).catch(() => null);

async function run(work) {
  const opened = await database;
  return opened && new Promise((resolve) => {
    const transaction = opened.transaction("photos", "readwrite");
    const request = work(transaction.objectStore("photos"));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => resolve(null); // as where there is no room
  });
}

export const remember = async (record) => await run((store) => store.put(record)) && news.postMessage(record.key);
export const forget = async (key) => await run((store) => store.delete(key)) === undefined && news.postMessage(key);
export const recall = async () => await run((store) => store.getAll()) ?? [];

/** Hear what other tabs have changed: the key of a photo, and its record unless it was removed. */
export function onNews(hear) {
  news.onmessage = async ({ data: key }) => hear(key, await run((store) => store.get(key)));
}
