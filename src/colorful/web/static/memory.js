// What outlives the tab: the browser keeps photos and edits until they are removed here.
const database = new Promise((resolve) => {
  try {
    const request = indexedDB.open(document.body.dataset.store ?? "colorful", 1);
    request.onupgradeneeded = () => request.result.createObjectStore("photos", { keyPath: "key" });
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => resolve(null);
  } catch {
    resolve(null); // no storage: then the page starts afresh each time
  }
});

async function run(work, mode = "readwrite") {
  const opened = await database;
  return opened && new Promise((resolve) => {
    const transaction = opened.transaction("photos", mode);
    const request = work(transaction.objectStore("photos"));
    transaction.oncomplete = () => resolve(request.result);
    transaction.onerror = transaction.onabort = () => resolve(null); // none left
  });
}

export const remember = (record) => run((store) => store.put(record));
export const recall = async () => (await run((store) => store.getAll(), "readonly")) ?? [];
export const forget = (key) => run((store) => store.delete(key));
