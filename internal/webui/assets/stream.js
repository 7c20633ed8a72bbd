// The connection: a stream of changes or, where that cannot be had, a question every few seconds. Nothing is asked while nobody looks.
import { apply, store } from './store.js';

const pollEvery = 5000; // milliseconds
const streamAgain = 6; // polls

let source = null;
let timer = 0;
let polls = 0;
let report = () => {};

function stream() {
  stop();
  source = new EventSource('ui/stream');
  source.onmessage = (e) => {
    apply(JSON.parse(e.data));
    report('live', '');
  };
  source.onerror = () => {
    if (source && source.readyState === EventSource.CLOSED) poll(); // refused: too many viewers
    else report('lost', 'no connection, trying again');
  };
}

async function poll() {
  stop();
  try {
    const answer = await fetch('ui/state?since=' + encodeURIComponent(store.name));
    if (!answer.ok) throw new Error(String(answer.status));
    apply(await answer.json());
    report('slow', 'every ' + pollEvery / 1000 + ' s: many viewers');
  } catch {
    report('lost', 'no connection, trying again');
  }
  if (document.hidden) return;
  polls++;
  timer = setTimeout(polls % streamAgain === 0 ? stream : poll, pollEvery);
}

function stop() {
  clearTimeout(timer);
  if (source) source.close();
  source = null;
}

/** connect begins, and tells what has become of the connection: live, slow, lost or paused, with words. */
export function connect(listener) {
  report = listener;
  document.addEventListener('visibilitychange', () => {
    if (document.hidden) {
      stop();
      report('paused', 'paused');
    } else {
      stream();
    }
  });
  addEventListener('pagehide', stop);
  addEventListener('pageshow', (e) => { if (e.persisted) stream(); });
  stream();
}
