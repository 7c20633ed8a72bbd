// The state of the host, as the server sends it.

export const store = { rows: new Map(), order: [], kills: new Map(), killOrder: [], head: { now: 0, kills: 0, groups: {} }, name: '', skew: 0 };

const listeners = new Set();

/** follow calls a function after each change, with the keys of the rows and kills that are new or other ones. It returns what ends that. */
export function follow(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** now returns the time by the server's clock, in milliseconds. */
export const now = () => Date.now() + store.skew;

/** apply takes a message of the server. */
export function apply(message) {
  const changed = { rows: new Set(), kills: new Set(), order: false, first: store.name === '' };
  store.name = message.state;
  store.head = message.head;
  store.skew = message.head.now - Date.now();
  for (const row of message.rows) {
    store.rows.set(row.id, row);
    changed.rows.add(row.id);
  }
  if (message.rows_order) {
    store.order = message.rows_order;
    changed.order = true;
    const kept = new Set(store.order);
    for (const key of store.rows.keys()) if (!kept.has(key)) store.rows.delete(key);
  }
  for (const kill of message.kills) {
    if (!store.kills.has(kill.key)) changed.kills.add(kill.key);
    store.kills.set(kill.key, kill);
  }
  if (message.kills_order) {
    store.killOrder = message.kills_order;
    const kept = new Set(store.killOrder);
    for (const key of store.kills.keys()) if (!kept.has(key)) store.kills.delete(key);
  }
  for (const listener of listeners) listener(changed);
}

/** latestKills returns the time of the latest kill of each workload. */
export function latestKills() {
  const latest = new Map();
  for (const key of store.killOrder) {
    const kill = store.kills.get(key);
    if (kill && kill.of && !latest.has(kill.of)) latest.set(kill.of, kill.at);
  }
  return latest;
}
