// Who shares which namespaces: a field for each type, and in it a ring around those who are in the same one.
import { h, show, toWorkload } from './dom.js';
import { follow, store } from './store.js';

const every = 2000; // milliseconds
const most = 24; // workloads with a namespace to themselves that are named at first

let fields = null;
let written = '';
let last = 0;
let marked = '';

/** enter shows the namespaces. */
export function enter(main) {
  written = '';
  last = 0;
  fields = h('div', { class: 'fields' });
  main.append(
    h('p', { class: 'explain' }, 'A namespace sets apart one thing that processes see. Those within one ring see the same. Point at a workload to find it in every field.'),
    fields,
    h('p', { class: 'note' }, 'The same for other programs: ', h('a', { href: 'ui/sharing.svg', download: 'namespaces.svg' }, 'a picture (SVG)'), ', ',
      h('a', { href: 'ui/sharing.mmd', download: 'namespaces.mmd' }, 'Mermaid'), ', ', h('a', { href: 'ui/sharing.dot', download: 'namespaces.dot' }, 'Graphviz'), '.'));
  for (const event of ['focusin', 'pointerover']) fields.addEventListener(event, (e) => mark(e.target.closest('[data-key]')));
  fields.addEventListener('pointerleave', () => mark(null));
  const end = follow(load);
  load();
  return () => {
    end();
    fields = null;
  };
}

async function load() {
  if (!fields || !store.name || Date.now() - last < every) return;
  last = Date.now();
  try {
    const answer = await fetch('ui/namespaces');
    const text = await answer.text();
    if (!answer.ok || !fields || text === written) return;
    written = text;
    draw(JSON.parse(text));
  } catch { /* the stream says so */ }
}

const chip = (who) => {
  const a = toWorkload(who.key, who.name);
  a.className = 'chip';
  a.dataset.key = who.key;
  return a;
};

const more = (n) => n > 0 && h('span', { class: 'dim' }, 'and ' + n + ' more');

function ring(kind, title, id, members, left) {
  return h('div', { class: 'ring ' + kind }, h('h3', {}, title, id && h('span', { class: 'number' }, ' ' + id)), h('div', { class: 'chips' }, members, more(left)));
}

function draw(list) {
  const focused = document.activeElement.dataset && document.activeElement.dataset.key;
  show(fields, list.map((t) => {
    const own = t.own || [];
    const usual = ['user', 'cgroup', 'time'].includes(t.type);
    const title = 'of-' + t.type;
    return h('section', { class: 'field', 'aria-labelledby': title },
      h('h2', { id: title }, t.type, ' ', h('small', {}, t.sees)),
      ring(usual ? 'host usual' : 'host', "○ the host's", t.host.id, (t.host.members || []).length ? t.host.members.map(chip) : h('span', { class: 'dim' }, 'no container'), t.host.more),
      (t.shared || []).map((s) => ring('shared', s.letter + ' shared', s.id, s.members.map(chip), s.more)),
      own.length > 0 && ring('own', '● each has its own', '', own.slice(0, most).map(chip), own.length - most + (t.own_more || 0)),
      t.kept && ring('kept', 'without a process', '', t.kept.map((k) => h('span', { class: 'chip plain' }, k.id + ', kept by ' + k.by)), 0),
      t.others > 0 && h('p', { class: 'dim' }, t.others + (t.others === 1 ? ' other namespace, of no container' : ' others, of no container')));
  }));
  if (focused) {
    const again = fields.querySelector('[data-key="' + CSS.escape(focused) + '"]');
    if (again) again.focus({ preventScroll: true });
  }
  marked = '';
}

function mark(element) {
  const key = element ? element.dataset.key : '';
  if (key === marked) return;
  marked = key;
  for (const a of fields.querySelectorAll('[data-key]')) a.classList.toggle('marked', a.dataset.key === key && key !== '');
}
