// The map. The server draws the rooms; this file keeps their levels and their kills as they are now.
import { h, say, show } from './dom.js';
import { kills, state } from './words.js';
import { follow, latestKills, now, store } from './store.js';
import { walls } from './legend.js';

const flash = 10000; // milliseconds for which a kill is loud

let picture = null; // what the picture is in
let about = null;
let rooms = new Map();
let layout = '';
let size = '';
let loading = false;
let chosen = '';

/** enter shows the map. It returns what ends that. */
export function enter(main) {
  picture = h('div', { class: 'picture' });
  about = h('p', { class: 'about', id: 'about-room' }, 'Point at a room, or walk there with the arrow keys.');
  main.append(picture, about, walls());
  rooms = new Map();
  layout = size = '';
  const end = follow((changed) => {
    load();
    for (const key of changed.rows) draw(key);
    loud();
    explain();
  });
  const resized = new ResizeObserver(load);
  resized.observe(picture);
  const ticking = setInterval(() => { loud(); explain(); }, 1000);
  for (const event of ['focusin', 'pointerover']) {
    picture.addEventListener(event, (e) => choose(e.target.closest('.room')));
  }
  load();
  return () => {
    end();
    resized.disconnect();
    clearInterval(ticking);
    picture = about = null;
  };
}

// The size of the floor in cells: letters as large as text, and rooms as large as all fit without scrolling.
function floorSize() {
  const text = parseFloat(getComputedStyle(document.documentElement).fontSize);
  const cell = text * 0.62;
  const wide = Math.floor(picture.clientWidth / cell / 4) * 4 - 4;
  const below = 4 * text + (innerWidth > 700 ? 5 * text : 0);
  const high = Math.floor((innerHeight - picture.getBoundingClientRect().top - scrollY - below) / (2 * cell) / 4) * 4 - 4;
  return [Math.min(240, Math.max(32, wide)), Math.min(120, Math.max(12, high))];
}

async function load() {
  if (!picture || !store.name || loading) return;
  const [w, high] = floorSize();
  const wanted = w + 'x' + high;
  if (layout === store.head.layout && size === wanted) return;
  loading = true;
  try {
    const answer = await fetch('ui/map.svg?w=' + w + '&h=' + high);
    const drawn = answer.headers.get('X-Layout');
    const text = await answer.text();
    if (!answer.ok || !picture) return;
    const parsed = new DOMParser().parseFromString(text, 'image/svg+xml').documentElement;
    if (parsed.nodeName !== 'svg') return;
    const focused = document.activeElement && document.activeElement.closest && document.activeElement.closest('.room');
    const key = focused && focused.dataset.key;
    show(picture, document.importNode(parsed, true));
    layout = drawn;
    size = wanted;
    rooms = new Map();
    for (const a of picture.querySelectorAll('.room')) rooms.set(a.dataset.key, a);
    picture.classList.toggle('many', rooms.size > 60); // nothing glides then: that would draw all of it in every frame
    for (const k of rooms.keys()) draw(k);
    loud();
    if (key && rooms.has(key)) rooms.get(key).focus({ preventScroll: true });
  } catch { /* the stream says so */ } finally {
    loading = false;
  }
}

// draw writes into a room what it uses now.
function draw(key) {
  const a = rooms.get(key);
  const row = store.rows.get(key);
  if (!a || !row) return;
  const level = a.querySelector('.level');
  const top = Number(level.dataset.top);
  const high = Number(level.dataset.high);
  const [used, cached] = (row.fill || [0, 0]).map((n) => high * n / 1000);
  place(level.querySelector('.used'), top + high - used, used);
  place(level.querySelector('.cached'), top + high - used - cached, cached);
  for (const tone of ['calm', 'warn', 'alarm']) level.classList.toggle(tone, row.tone === tone);
  const memory = a.querySelector('.memory');
  if (memory) say(memory, clipped(memory, (row.alerts || []).concat(row.mem).join(', ')));
}

function place(rect, y, height) {
  rect.setAttribute('y', y.toFixed(1));
  rect.setAttribute('height', Math.max(0, height).toFixed(1));
}

// clipped shortens a text to what the room has space for.
function clipped(text, words) {
  const most = Number(text.dataset.most);
  if (words.length > most) words = words.split(', ')[0];
  return words.length > most ? words.slice(0, Math.max(1, most - 1)) + '…' : words;
}

// loud shows kills of the last seconds, and how many there were.
function loud() {
  const latest = latestKills();
  const time = now();
  for (const [key, a] of rooms) {
    const row = store.rows.get(key);
    if (!row) continue;
    const at = latest.get(key);
    const killed = at !== undefined && time - at < flash;
    const n = kills(row);
    a.classList.toggle('killed', killed);
    say(a.querySelector('.count'), killed || n.startsWith('×') ? n : '');
  }
}

function choose(room) {
  if (!room) return;
  chosen = room.dataset.key;
  explain();
}

function explain() {
  const row = store.rows.get(chosen);
  if (!about || !row || !rooms.has(chosen)) return;
  const latest = latestKills().get(chosen);
  const parts = [h('b', { class: 'w-name' }, row.name), ' · ', state(row, now()), ' · ', row.mem];
  if (row.procs) parts.push(' · ', row.procs + (row.procs === 1 ? ' process' : ' processes'));
  if (row.pid) parts.push(' · host PID ', row.pid);
  if (kills(row).startsWith('×')) parts.push(' · ', h('span', { class: 'w-fatal' }, kills(row) + ' OOM kills'));
  if (latest !== undefined && now() - latest < flash) parts.push(h('span', { class: 'w-fatal' }, ' just now'));
  parts.push('. ', row.place || '', ' Enter or a click opens its page.');
  show(about, parts);
}

/** key walks from room to room. */
export function key(e) {
  const way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
  if (!way || !rooms.size) return false;
  const from = document.activeElement.closest && document.activeElement.closest('.room');
  if (!from) {
    rooms.values().next().value.focus();
    return true;
  }
  const middle = (a) => {
    const r = a.querySelector('.room-ground').getBoundingClientRect();
    return [r.left + r.width / 2, r.top + Math.min(r.height, 40) / 2];
  };
  const [x, y] = middle(from);
  let best = null;
  let least = Infinity;
  for (const a of rooms.values()) {
    if (a === from) continue;
    const [u, v] = middle(a);
    const ahead = (u - x) * way[0] + (v - y) * way[1];
    const aside = Math.abs((u - x) * way[1]) + Math.abs((v - y) * way[0]);
    if (ahead > 2 && ahead + 3 * aside < least) [best, least] = [a, ahead + 3 * aside];
  }
  if (best) best.focus();
  return true;
}
