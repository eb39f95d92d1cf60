// What outlives the tab: the browser keeps photos and edits until they are removed here. Where it keeps nothing, the
// page starts afresh each time.
const database = new Promise((resolve, reject) => {
  const request = indexedDB.open(document.body.dataset.store ?? "colorful", 1);
  request.onupgradeneeded = () => request.result.createObjectStore("photos", { keyPath: "key" });
  request.onsuccess = () => resolve(request.result);
  request.onerror = reject;
}).catch(() => null);

async function run(work, mode = "readwrite") {
  const opened = await database;
  return opened && new Promise((resolve) => {
    const transaction = opened.transaction("photos", mode);
    const request = work(transaction.objectStore("photos"));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onabort = () => resolve(null); // as where there is no room
  });
}

export const remember = (record) => run((store) => store.put(record));
export const recall = async () => (await run((store) => store.getAll(), "readonly")) ?? [];
export const forget = (key) => run((store) => store.delete(key));
