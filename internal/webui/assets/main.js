// The frame of the page: which view is shown, what is announced, and the keys.
import { h, link, say, show } from './dom.js';
import { plain } from './words.js';
import { apply, follow, now, store } from './store.js';
import { connect } from './stream.js';
import { help } from './help.js';
import * as map from './map.js';
import * as workloads from './workloads.js';
import * as kills from './kills.js';
import * as workload from './workload.js';
import * as namespaces from './namespaces.js';

const views = [
  { path: 'map', title: 'Map', view: map },
  { path: 'workloads', title: 'Workloads', view: workloads },
  { path: 'namespaces', title: 'Namespaces', view: namespaces },
  { path: 'kills', title: 'OOM kills', view: kills },
];

const main = document.getElementById('view');
let current = null;
let leave = () => {};

function route() {
  const [path, query] = location.hash.replace(/^#\/?/, '').split('?');
  const [first, ...rest] = path.split('/');
  const parameters = new URLSearchParams(query || '');
  let view = views.find((v) => v.path === first);
  let title = view && view.title;
  if (first === 'workload') {
    view = { path: 'workload', view: workload };
    title = 'Workload';
    parameters.set('key', safely(rest.join('/')));
  }
  if (!view) view = views[0], title = view.title;
  const same = current && current.view === view.view && view.view.change;
  if (same && view.view.change(parameters)) return mark(view, title);
  leave();
  main.replaceChildren();
  document.body.className = 'on-' + view.path;
  main.append(h('h1', { class: 'unseen' }, title));
  current = view;
  leave = view.view.enter(main, parameters) || (() => {});
  mark(view, title);
  scrollTo(0, 0);
}

function safely(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function mark(view, title) {
  for (const a of document.querySelectorAll('#views a')) {
    if (a.dataset.path === view.path) a.setAttribute('aria-current', 'page');
    else a.removeAttribute('aria-current');
  }
  viewTitle = title;
  titled();
}

let viewTitle = '';

function titled() {
  if (current && current.path !== 'workload') document.title = 'nsviz: ' + (store.head.host || 'this host') + ' · ' + viewTitle;
}

function navigation() {
  const nav = document.getElementById('views');
  nav.hidden = false;
  show(nav, views.map((v, i) => {
    const a = link(v.path, h('kbd', { 'aria-hidden': 'true' }, i + 1), ' ', v.title, v.path === 'kills' && h('span', { class: 'badge', id: 'kill-count', hidden: true }));
    a.dataset.path = v.path;
    return a;
  }));
}

// Kills are announced in one sentence at most every five seconds, or a screen reader would say nothing else.
let announced = 0;
let waiting = [];

function announce(keys) {
  for (const key of keys) waiting.push(key);
  if (!waiting.length || Date.now() < announced) return;
  announced = Date.now() + 5000;
  const newest = store.kills.get(waiting[0]);
  const more = waiting.length - 1;
  waiting = [];
  if (newest) say(document.getElementById('announce'), 'OOM kill. ' + plain(newest.text, now()) + (more ? ' And ' + more + ' more.' : ''));
}

function counts(changed) {
  const { head } = store;
  say(document.getElementById('host'), (head.host || 'this host') + (head.kernel ? ' · Linux ' + head.kernel.replace(/^Linux /, '') : ''));
  const words = [head.live + ' running'];
  if (head.vms) words.push(head.vms + (head.vms === 1 ? ' virtual machine' : ' virtual machines'));
  words.push(head.kills + (head.kills === 1 ? ' OOM kill' : ' OOM kills'));
  if (head.lost) words.push(head.lost + ' events lost');
  say(document.getElementById('counts'), words.join(', '));
  document.getElementById('counts').classList.toggle('killed', head.kills > 0);
  titled();
  const badge = document.getElementById('kill-count');
  badge.hidden = head.kills === 0;
  say(badge, String(head.kills));
  if (!changed.first) announce(changed.kills);
}

function theme() {
  const button = document.getElementById('theme');
  const root = document.documentElement;
  const label = () => say(button, { light: '☀ light', dark: '☾ dark' }[root.dataset.theme] || '◐ auto');
  button.hidden = false;
  button.setAttribute('aria-label', 'Colours: light, dark or as the system has them');
  button.addEventListener('click', () => {
    const next = { undefined: 'dark', dark: 'light', light: undefined }[root.dataset.theme];
    if (next) root.dataset.theme = next;
    else delete root.dataset.theme;
    try {
      if (next) localStorage.setItem('nsviz-theme', next);
      else localStorage.removeItem('nsviz-theme');
    } catch { /* it is not remembered then */ }
    label();
  });
  label();
}

function keys() {
  document.addEventListener('keydown', (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return;
    const typing = e.target instanceof HTMLInputElement;
    if (e.key === 'Escape' && !typing && current.path === 'workload') return history.back();
    if (typing) return;
    const n = Number(e.key);
    if (n >= 1 && n <= views.length) location.hash = '#/' + views[n - 1].path;
    else if (e.key === '?') help();
    else if (e.key === '/' || e.key === 'f') {
      e.preventDefault();
      const field = document.getElementById('filter');
      if (field) field.focus();
      else location.hash = '#/workloads?focus=1';
    } else if (current.view.key && current.view.key(e)) e.preventDefault();
  });
}

navigation();
theme();
keys();
const question = document.getElementById('help');
question.hidden = false;
question.addEventListener('click', help);
follow(counts);
addEventListener('hashchange', route);
connect((kind, words) => {
  const status = document.getElementById('status');
  status.className = 'status ' + kind;
  say(status, kind === 'live' ? 'live' : words);
});
route();

// For tests, which hand over states that no host has.
globalThis.nsviz = { apply, store };
