// The table of workloads. Rows stay the same elements; only what has changed is written.
import { h, say, show, svg, toWorkload } from './dom.js';
import { kills, live, shortTypes, sign, state, types } from './words.js';
import { follow, latestKills, now, store } from './store.js';
import { signs } from './legend.js';

const killsOf = (r) => r.kills ?? r.kills_least ?? -1;

const columns = [
  { key: 'name', title: 'Name', by: (r) => r.name.toLowerCase(), up: true },
  { key: 'state', title: 'State', by: (r) => (live(r) ? r.since || 0 : -(r.since || 0)) },
  { key: 'memory', title: 'Memory', by: (r) => r.used ?? -1 },
  { key: 'cpu', title: 'CPU', by: (r) => r.cpu ?? -1, words: (r) => (r.cpu === undefined ? (live(r) ? '?' : '') : r.cpu.toFixed(1) + ' %') },
  { key: 'procs', title: 'Processes', by: (r) => r.procs ?? -1, words: (r) => (r.procs === undefined ? (live(r) ? '?' : '') : r.procs) },
  { key: 'walls', title: 'Namespaces', by: (r) => (r.ns || []).filter((s) => s === '●' || s === '▒').length },
  { key: 'kills', title: 'OOM', by: killsOf },
  { key: 'start', title: 'Start', by: (r) => r.start ?? -1, words: (r) => (r.start === undefined ? '' : r.start >= 1000 ? (r.start / 1000).toFixed(1) + ' s' : Math.round(r.start) + ' ms') },
];

let body = null;
let note = null;
let problem = null;
let lines = new Map(); // by key of the workload
let headings = new Map();
let accepted = null; // the keys that the filter accepts; null is all
let view = {};
let asking = 0;

/** enter shows the table, as the parameters of its address want it. */
export function enter(main, parameters) {
  lines = new Map();
  headings = new Map();
  accepted = null;
  note = h('p', { class: 'note', role: 'status' });
  problem = h('p', { class: 'problem', id: 'filter-problem', role: 'alert' });
  const field = h('input', {
    id: 'filter', type: 'search', placeholder: 'a word, or oom>0 && net=host', autocomplete: 'off', spellcheck: 'false',
    'aria-describedby': 'filter-problem', maxlength: 512,
  });
  field.addEventListener('input', () => address({ filter: field.value }));
  field.addEventListener('keydown', (e) => {
    if (e.key === 'Escape') {
      if (field.value) address({ filter: field.value = '' });
      else field.blur();
    }
    if (e.key === 'Enter' || e.key === 'ArrowDown') {
      e.preventDefault();
      const first = body.querySelector('a');
      if (first) first.focus();
    }
  });
  const head = h('tr', {}, columns.map((c) => {
    const button = h('button', { type: 'button' }, c.title);
    button.addEventListener('click', () => sortBy(c));
    return h('th', { scope: 'col', class: 'c-' + c.key, 'data-column': c.key }, button,
      c.key === 'walls' && h('span', { class: 'types', 'aria-hidden': 'true' }, shortTypes.map((t, i) => h('span', { title: types[i] }, t))));
  }));
  body = h('tbody');
  main.append(
    h('form', { class: 'filter', role: 'search' }, h('label', { for: 'filter' }, 'Filter '), field), problem,
    h('div', { class: 'scroll' }, h('table', { class: 'workloads' }, h('caption', { class: 'unseen' }, 'Workloads'), h('thead', {}, head), body)), note, signs());
  main.querySelector('form').addEventListener('submit', (e) => e.preventDefault());
  read(parameters);
  field.value = view.filter;
  if (parameters.get('focus')) field.focus();
  const end = follow((changed) => {
    for (const key of changed.rows) write(key);
    if (changed.order || changed.first || view.sort) arrange();
    loud();
    if (view.filter) ask();
  });
  const ticking = setInterval(() => {
    for (const [key, line] of lines) times(line, store.rows.get(key));
    loud();
  }, 1000);
  for (const key of store.rows.keys()) write(key);
  arrange();
  loud();
  if (view.filter) ask();
  return () => {
    end();
    clearInterval(ticking);
    body = null;
  };
}

/** change shows the table in another way: another address of it. */
export function change(parameters) {
  read(parameters);
  const field = document.getElementById('filter');
  if (document.activeElement !== field) field.value = view.filter;
  if (parameters.get('focus')) field.focus();
  if (view.filter) ask();
  else unfilter();
  arrange();
  return true;
}

function read(parameters) {
  view = { filter: parameters.get('filter') || '', sort: parameters.get('sort') || '', down: parameters.get('down') === '1', closed: new Set(parameters.getAll('closed')) };
}

// address writes the view into the address, so that it can be sent to somebody. Typing makes no history.
function address(changes) {
  Object.assign(view, changes);
  const parameters = new URLSearchParams();
  if (view.filter) parameters.set('filter', view.filter);
  if (view.sort) parameters.set('sort', view.sort);
  if (view.down) parameters.set('down', '1');
  for (const key of view.closed) parameters.append('closed', key);
  const query = parameters.toString();
  history.replaceState(null, '', '#/workloads' + (query ? '?' + query : ''));
  if (view.filter) ask();
  else unfilter();
  arrange();
}

function sortBy(column) {
  const again = view.sort === column.key;
  const first = !column.up;
  if (!again) address({ sort: column.key, down: first });
  else if (view.down === first) address({ down: !first });
  else address({ sort: '', down: false }); // as they are on the host, with their groups
}

function unfilter() {
  accepted = null;
  say(problem, '');
}

async function ask() {
  const filter = view.filter;
  const turn = ++asking;
  try {
    const answer = await fetch('ui/select?filter=' + encodeURIComponent(filter));
    const said = await answer.json();
    if (turn !== asking || filter !== view.filter || !body) return;
    if (!said.error) {
      accepted = new Set(said.keys);
      say(problem, '');
    } else {
      const bytesOf = new TextEncoder().encode(filter);
      const wrong = new TextDecoder().decode(bytesOf.slice(said.from || 0, (said.from || 0) + (said.length || 0)));
      show(problem, said.error, wrong && [': ', h('code', {}, wrong)]);
    }
    arrange();
  } catch { /* the stream says so */ }
}

// write brings the cells of a workload up to date.
function write(key) {
  const row = store.rows.get(key);
  if (!row || !body) return;
  let line = lines.get(key);
  if (!line) {
    line = make(row);
    lines.set(key, line);
  }
  const { cells } = line;
  line.tr.classList.toggle('ended', !live(row));
  line.tr.classList.toggle('alerted', Boolean(row.alerts));
  say(line.link, name(row));
  line.link.title = row.name;
  say(line.what, [row.kind, row.what].filter(Boolean).join(' · '));
  say(line.memory, row.mem);
  const [used, cached] = row.fill || [0, 0];
  line.used.setAttribute('width', used);
  line.cached.setAttribute('x', used);
  line.cached.setAttribute('width', cached);
  line.gauge.setAttribute('class', 'gauge ' + (row.tone || 'none') + (row.limit === undefined ? ' unbounded' : ''));
  for (const c of columns) if (c.words) say(cells[c.key], String(c.words(row)));
  const marks = row.ns || [];
  if (line.marks !== marks.join(' ')) {
    line.marks = marks.join(' ');
    cells.walls.setAttribute('aria-label', row.place || '');
    show(cells.walls, h('span', { class: 'signs' }, marks.map((s, i) => h('span', { class: 'sign ' + kind(s, i), title: sign(types[i], s), 'data-type': shortTypes[i] }, s))));
  }
  const n = live(row) || killsOf(row) > 0 ? kills(row) : '';
  say(cells.kills, n);
  cells.kills.classList.toggle('w-fatal', n.startsWith('×'));
  times(line, row);
}

function kind(s, i) {
  return { '●': 'own', '○': i < 5 ? 'host' : 'usual', '!': 'dead', '?': 'unknown', '▒': 'dim' }[s] || 'shared';
}

const name = (row) => (!view.sort && row.member ? row.member : row.name);

function times(line, row) {
  if (row) say(line.cells.state, state(row, now()));
}

function make(row) {
  const cells = {};
  const tr = h('tr', {}, columns.map((c) => (cells[c.key] = h(c.key === 'name' ? 'th' : 'td', { class: 'c-' + c.key, scope: c.key === 'name' && 'row', 'data-title': c.title }))));
  const line = { tr, cells, marks: null, link: toWorkload(row.id, ''), what: h('span', { class: 'what' }), memory: h('span', { class: 'words' }) };
  cells.name.append(line.link, line.what);
  line.used = svg('rect', { class: 'used', x: 0, y: 0, height: 10 });
  line.cached = svg('rect', { class: 'cached', y: 0, height: 10 });
  line.gauge = svg('svg', { viewBox: '0 0 1000 10', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  line.gauge.append(svg('rect', { class: 'free', x: 0, y: 0, width: 1000, height: 10 }), line.cached, line.used);
  cells.memory.append(line.gauge, line.memory);
  return line;
}

function loud() {
  const latest = latestKills();
  const time = now();
  for (const [key, line] of lines) {
    const at = latest.get(key);
    line.tr.classList.toggle('killed', at !== undefined && time - at < 10000);
  }
}

// arrange puts the rows into their order, and moves those alone that are elsewhere.
function arrange() {
  if (!body) return;
  for (const [key, line] of lines) {
    if (store.rows.has(key)) continue;
    line.tr.remove();
    lines.delete(key);
  }
  const shown = (key) => store.rows.has(key) && (!accepted || accepted.has(key));
  const wanted = [];
  const column = columns.find((c) => c.key === view.sort);
  let n = 0;
  if (column) {
    const keys = store.order.filter((key) => !key.startsWith(':') && shown(key));
    const values = new Map(keys.map((key) => [key, column.by(store.rows.get(key))]));
    keys.sort((a, b) => {
      const [x, y] = [values.get(a), values.get(b)];
      return (x < y ? -1 : x > y ? 1 : 0) * (view.down ? -1 : 1);
    });
    n = keys.length;
    for (const key of keys) wanted.push(lines.get(key).tr);
  } else {
    let heading = null;
    let closed = false;
    for (const key of store.order) {
      if (key.startsWith(':')) {
        heading = key.slice(1);
        closed = view.closed.has(heading);
        continue;
      }
      if (!shown(key)) continue;
      const row = store.rows.get(key);
      n++;
      if (!row.group) heading = null, closed = false;
      if (heading && row.group === heading) {
        wanted.push(headingOf(heading, closed));
        heading = null;
      }
      if (row.group && view.closed.has(row.group)) continue;
      const { tr } = lines.get(key);
      tr.classList.toggle('member', Boolean(row.group));
      wanted.push(tr);
    }
  }
  for (const row of store.rows.values()) {
    const line = lines.get(row.id);
    if (line && row.member) say(line.link, name(row));
  }
  wanted.forEach((tr, i) => {
    if (body.children[i] !== tr) body.insertBefore(tr, body.children[i] || null);
  });
  while (body.children.length > wanted.length) body.lastChild.remove();
  for (const th of document.querySelectorAll('th[data-column]')) {
    if (th.dataset.column === view.sort) th.setAttribute('aria-sort', view.down ? 'descending' : 'ascending');
    else th.removeAttribute('aria-sort');
  }
  const all = store.rows.size;
  const words = accepted ? n + ' of ' + all + ' workloads' : all === 0 ? (store.name ? 'No container runs, and no virtual machine.' : 'Waiting for the first state…') : all + (all === 1 ? ' workload' : ' workloads');
  say(note, words + (store.head.quiet ? '. ' + store.head.quiet + ' sandboxes and services are not listed.' : ''));
}

function headingOf(key, closed) {
  const g = store.head.groups && store.head.groups[key];
  let line = headings.get(key);
  if (!line) {
    const button = h('button', { type: 'button' });
    button.addEventListener('click', () => {
      const set = new Set(view.closed);
      if (!set.delete(key)) set.add(key);
      address({ closed: set });
    });
    line = { button, words: h('span', { class: 'words' }) };
    line.tr = h('tr', { class: 'heading' }, h('th', { colspan: columns.length, scope: 'rowgroup' }, button, ' ', line.words));
    headings.set(key, line);
  }
  say(line.button, (closed ? '▹ ' : '▾ ') + (g ? g.title : key));
  line.button.setAttribute('aria-expanded', String(!closed));
  say(line.words, g ? g.words : '');
  return line.tr;
}

/** key walks from row to row. */
export function key(e) {
  if (e.key !== 'ArrowDown' && e.key !== 'ArrowUp') return false;
  const all = [...body.querySelectorAll('a, .heading button')];
  const i = all.indexOf(document.activeElement);
  const next = all[i < 0 ? 0 : i + (e.key === 'ArrowDown' ? 1 : -1)];
  if (next) next.focus();
  return true;
}

