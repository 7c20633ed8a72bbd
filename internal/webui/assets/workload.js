// The page of a workload: what it sees, may use and is made of, its holes, its start and its history.
import { command, h, link, show, svg } from './dom.js';
import { bytes, kills, pieces, state, timed } from './words.js';
import { follow, now } from './store.js';
import { cpuChart, memoryChart } from './chart.js';

const every = 2000; // milliseconds

let key = '';
let boxes = new Map(); // by title: the element, and what it shows
let where = null;
let failed = null;
let latest = 0;
let again = 0;
let ended = true;

/** enter shows a workload. */
export function enter(main, parameters) {
  key = parameters.get('key');
  boxes = new Map();
  ended = false;
  latest = 0;
  failed = h('p', { class: 'problem', role: 'alert' });
  where = h('div', { class: 'boxes' });
  main.append(h('p', { class: 'back' }, link('workloads', '← workloads'), ' · ', link('map', 'map')), failed, where);
  const end = follow((changed) => {
    if (changed.first || changed.rows.has(key)) soon();
  });
  again = setInterval(load, every);
  load();
  return () => {
    end();
    clearInterval(again);
    ended = true;
    where = null;
  };
}

/** change shows another one. */
export function change() { return false; }

let waiting = 0;

function soon() {
  clearTimeout(waiting);
  waiting = setTimeout(load, Math.max(0, 500 - (Date.now() - latest)));
}

async function load() {
  if (ended || document.hidden) return;
  latest = Date.now();
  const asked = key;
  try {
    const answer = await fetch('ui/workload?key=' + encodeURIComponent(asked));
    const page = await answer.json();
    if (ended || asked !== key) return;
    if (!answer.ok) {
      show(failed, page.error + '. What it still knows of the past, nsviz why answers: ', command('nsviz why ' + (/^[\w.-]+$/.test(asked) ? asked.slice(0, 12) : 'NAME')));
      return;
    }
    show(failed);
    draw(page);
  } catch { /* the stream says so */ }
}

// box shows something in a section of its own, which is made anew only if it is another one.
function box(name, title, values, make) {
  const words = JSON.stringify(values);
  let at = boxes.get(name);
  if (!at) {
    const id = 'box-' + name;
    at = { section: h('section', { class: 'box ' + name, 'aria-labelledby': title && id }), words: '' };
    boxes.set(name, at);
    where.append(at.section);
    at.title = title && h('h2', { id }, title);
  }
  if (at.words === words) return;
  at.words = words;
  const contents = [make()].flat(Infinity).filter((c) => c !== null && c !== undefined && c !== false);
  at.section.hidden = contents.length === 0;
  const open = [...at.section.querySelectorAll('details')].map((d) => d.open);
  show(at.section, at.title, contents);
  [...at.section.querySelectorAll('details')].forEach((d, i) => { if (open[i]) d.open = true; });
}

const facts = (list) => list && list.length > 0 && h('dl', { class: 'facts' }, list.map((f) => [h('dt', {}, f.s), h('dd', {}, f.t)]));

function draw(page) {
  const { row } = page;
  document.title = 'nsviz: ' + row.name;
  box('title', '', [page.full, page.text, page.about, row.state, row.alerts, kills(row), Math.floor(now() / 5000)], () => [
    h('h2', { class: 'name' }, page.full.length > 200 ? row.name : page.full, ' ', h('small', {}, state(row, now()))),
    h('p', { class: 'sentences' }, pieces(page.text, now())),
    facts(page.about),
  ]);
  box('sees', 'What it sees: namespaces', [page.sees, page.sees_more], () => page.sees && [
    h('table', { class: 'walls' }, h('tbody', {}, page.sees.map((w) => h('tr', {}, h('td', { class: 'sign ' + kind(w), 'aria-hidden': 'true' }, w.sign), h('th', { scope: 'row' }, w.type, ' ', h('small', {}, w.sees)), h('td', {}, w.words), h('td', { class: 'number' }, w.id || ''))))),
    facts(page.sees_more),
  ]);
  box('uses', 'What it may use: cgroup', [page.uses, page.memory, page.cpu, page.killed, row.fill, row.tone], () => [
    gauge(row), memoryChart(page), cpuChart(page), facts(page.uses),
  ]);
  box('holes', 'Holes in its walls', [page.holes, page.sound, page.read > 0], () => page.read && [
    (page.holes || []).length === 0 ? h('p', { class: 'own' }, 'None found.') : h('ul', { class: 'holes' }, page.holes.map((hole) => h('li', { class: hole.serious ? 'serious' : '' },
      h('b', {}, hole.severity), ' ', hole.title, hole.details ? ': ' + hole.details.join(', ') : '',
      hole.serious && h('p', {}, hole.meaning, hole.close && [' ', h('b', {}, 'Close: '), hole.close])))),
    (page.sound || []).length > 0 && h('details', {}, h('summary', {}, page.sound.length + ' walls that stand'), h('ul', { class: 'sound' }, page.sound.map((s) => h('li', {}, '✓ ', s)))),
  ]);
  box('processes', 'Its processes', [page.processes, page.processes_more], () => page.processes && [
    h('div', { class: 'scroll' }, h('table', { class: 'processes' }, h('thead', {}, h('tr', {}, ['host PID', 'inside', 'uid', 'process'].map((t) => h('th', { scope: 'col' }, t)))),
      h('tbody', {}, page.processes.map((p) => h('tr', {}, h('td', { class: 'number' }, p.pid), h('td', { class: 'number' }, p.inside || 'same'), h('td', { class: 'number dim' }, p.uid),
        h('td', {}, p.depth ? '\u00a0'.repeat(2 * Math.min(p.depth, 12)) + '└ ' : '', p.comm)))))),
    page.processes_more > 0 && h('p', { class: 'dim' }, 'and ' + page.processes_more + ' more'),
  ]);
  box('made', 'What it is made of: files', page.made_of, () => facts(page.made_of));
  box('may', 'What it may do', page.may_do, () => facts(page.may_do));
  box('start', 'How it came to be', [page.start, page.start_words], () => page.start && [waterfall(page.start), h('p', {}, page.start_words)]);
  box('history', 'What happened, the latest first', page.history, () => page.history && h('ol', { class: 'history' }, page.history.map((e) => [
    h('li', {}, timed(e.at, now()), e.until > 0 && [' to ', timed(e.until, now())], ' ', h('span', {}, pieces(e.text, now()))),
    e.left_out > 0 && h('li', { class: 'dim' }, e.left_out + ' more are not listed'),
  ])));
  box('unread', 'What nsviz could not read', [page.unknown, page.problem], () => [page.problem && h('p', { class: 'w-alert' }, page.problem), page.unknown && h('ul', {}, page.unknown.map((u) => h('li', {}, u)))]);
  box('hand', 'By hand', page.hand, () => page.hand && h('dl', { class: 'facts' }, page.hand.map((f) => [h('dt', {}, f.s), h('dd', {}, command(f.t))])));
}

const kind = (w) => ({ '●': 'own', '○': ['user', 'cgroup', 'time'].includes(w.type) ? 'usual' : 'host', '!': 'dead', '?': 'unknown' }[w.sign] || 'shared');

function gauge(row) {
  if (!row.fill) return null;
  const [used, cached] = row.fill;
  return h('p', { class: 'meter' },
    h('meter', { class: 'unseen', min: 0, max: 1000, value: used, 'aria-label': 'memory in use' }, row.mem),
    bar(used, cached, row), h('span', {}, row.mem, cached > 0 && row.used !== undefined ? ', of it about ' + bytes(row.used * cached / (used + cached)) + ' cached files' : ''));
}

const bar = (used, cached, row) => svg('svg', {
  viewBox: '0 0 1000 10', preserveAspectRatio: 'none', 'aria-hidden': 'true', class: 'gauge ' + (row.tone || 'none') + (row.limit === undefined ? ' unbounded' : ''),
}, [['free', 0, 1000], ['cached', used, cached], ['used', 0, used]].map(([name, x, width]) => svg('rect', { class: name, x, width, height: 10 })));

function waterfall(steps) {
  const picture = (s) => svg('svg', { viewBox: '0 0 1000 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    svg('rect', { class: 'by-' + s.by, x: (s.from * 1000).toFixed(1), width: Math.max(4, (s.to - s.from) * 1000).toFixed(1), height: 10 }));
  const who = (by, words) => [h('b', { class: 'by-' + by }, '■'), ' ' + words + '  '];
  return h('table', { class: 'waterfall' }, h('caption', { class: 'unseen' }, 'The steps of its start'),
    h('tbody', {}, steps.map((s) => h('tr', { title: s.words }, h('th', { scope: 'row' }, s.label), h('td', { class: 'bars' }, picture(s)), h('td', { class: 'number' }, s.took)))),
    h('tfoot', {}, h('tr', {}, h('td', { colspan: 3 }, who('engine', 'the engine'), who('network', 'its network'), who('runtime', 'the runtime and the kernel')))));
}
