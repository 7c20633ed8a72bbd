// The OOM kills, the latest first.
import { command, h, say, show, toWorkload } from './dom.js';
import { ago, pieces, timed } from './words.js';
import { follow, now, store } from './store.js';

let list = null;
let note = null;
let items = new Map();

/** enter shows the kills. */
export function enter(main) {
  list = h('ol', { class: 'kills', 'aria-label': 'OOM kills, the latest first' });
  note = h('p', { class: 'note' });
  items = new Map();
  main.append(
    h('p', { class: 'explain' }, 'When a cgroup is at its memory limit and asks for more, the kernel picks one of its processes and kills it. If that was not PID 1, the container ',
      'lives on, and its log may show nothing.'), note, list);
  const end = follow(draw);
  const ticking = setInterval(times, 1000);
  draw();
  return () => {
    end();
    clearInterval(ticking);
    list = null;
  };
}

function draw() {
  if (!list) return;
  const { head } = store;
  const shown = store.killOrder.length;
  const since = head.since ? ['since ', timed(head.since, now())] : ['since nsviz started'];
  const words = head.kills === 0 ? ['None ', since, '.'] : [head.kills + (head.kills === 1 ? ' OOM kill ' : ' OOM kills '), since, shown < head.kills ? '; the latest ' + shown + ' are listed.' : '.'];
  if (head.kills === 0 || note.dataset.of !== head.kills + '/' + shown) show(note, words);
  note.dataset.of = head.kills + '/' + shown;
  for (const key of [...items.keys()]) {
    if (store.kills.has(key)) continue;
    items.get(key).li.remove();
    items.delete(key);
  }
  store.killOrder.forEach((key, i) => {
    const kill = store.kills.get(key);
    let item = items.get(key);
    const words = JSON.stringify(kill);
    if (!item) {
      item = { li: h('li'), words: '', ago: h('span', { class: 'ago' }) };
      items.set(key, item);
    }
    if (item.words !== words) {
      const open = item.li.querySelector('details') && item.li.querySelector('details').open;
      item.words = words;
      write(item, kill, open);
    }
    if (list.children[i] !== item.li) list.insertBefore(item.li, list.children[i] || null);
  });
  times();
}

function write(item, kill, open) {
  const place = kill.of && store.rows.has(kill.of) ? toWorkload(kill.of, kill.place) : h('b', {}, kill.place);
  const more = h('details', { open: Boolean(open) }, h('summary', {}, 'more'),
    kill.facts && h('dl', { class: 'facts' }, kill.facts.map((f) => [h('dt', {}, f.s), h('dd', {}, f.t)])),
    kill.hand && h('p', {}, "by hand, the kernel's own count: ", command(kill.hand)));
  show(item.li, h('h2', {}, h('span', { class: 'label' }, '× OOM KILL'), ' ', place, ' ', h('span', { class: 'when' }, timed(kill.at, now(), true), ' ', item.ago)),
    h('p', {}, pieces(kill.text, now())), (kill.facts || kill.hand) && more);
}

function times() {
  const time = now();
  for (const [key, item] of items) {
    const kill = store.kills.get(key);
    if (!kill) continue;
    say(item.ago, ago(time - kill.at) + ' ago');
    item.li.classList.toggle('killed', time - kill.at < 10000);
  }
}
