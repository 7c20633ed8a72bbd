// Words and numbers, as the terminal writes them.
import { h } from './dom.js';

export const types = ['mnt', 'pid', 'net', 'ipc', 'uts', 'user', 'cgroup', 'time'];
export const shortTypes = ['mnt', 'pid', 'net', 'ipc', 'uts', 'user', 'cgr', 'time'];

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const exact = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', fractionalSecondDigits: 3, hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { year: 'numeric', month: '2-digit', day: '2-digit' });

/** at writes a time in the reader's zone, with the date unless it is today. */
export function at(ms, now, millis) {
  const time = (millis ? exact : clock).format(ms);
  return day.format(ms) === day.format(now) ? time : day.format(ms) + ' ' + time;
}

/** timed makes a time that machines can read, too. */
export const timed = (ms, now, millis) => h('time', { datetime: new Date(ms).toISOString() }, at(ms, now, millis));

/** ago says how long something lasts: 45 s, 12 min, 3 h, 2 d. */
export function ago(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 90) return s + ' s';
  if (s < 90 * 60) return Math.round(s / 60) + ' min';
  if (s < 36 * 3600) return Math.round(s / 3600) + ' h';
  return Math.round(s / 86400) + ' d';
}

/** bytes writes a size with its unit. */
export function bytes(n) {
  if (n === undefined || n === null) return '?';
  let unit = 0;
  while (n >= 1024 && unit < 5) { n /= 1024; unit++; }
  const digits = Number.isInteger(n) || n >= 100 ? 0 : 1;
  return n.toFixed(digits) + ' ' + ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'][unit];
}

/** pieces turns a sentence of weighted pieces into elements. */
export function pieces(list, now) {
  return list.map((p) => {
    const text = p.at ? at(p.at, now, p.exact) : p.t;
    return p.w ? h('span', { class: 'w-' + p.w }, text) : text;
  });
}

/** plain turns it into a text. */
export const plain = (list, now) => list.map((p) => (p.at ? at(p.at, now, p.exact) : p.t)).join('');

/** state says how a workload is, and since when. */
export function state(row, now) {
  const alerts = row.alerts ? ', ' + row.alerts.join(', ') : '';
  switch (row.state) {
    case 'exited': return (row.end || 'ended') + (row.since ? ', ' + ago(now - row.since) + ' ago' : '');
    case 'created': return row.end || 'never started';
    case 'starting': return 'starting' + alerts;
  }
  return 'up' + (row.since ? ' ' + ago(now - row.since) : '') + alerts;
}

/** kills writes how many OOM kills there were; what is unknown is no zero. */
export function kills(row) {
  if (row.kills !== undefined) return row.kills > 0 ? '× ' + row.kills : '0';
  return row.kills_least ? '× ' + row.kills_least + '+' : '?';
}

/** live reports whether a workload runs. */
export const live = (row) => row.state !== 'exited' && row.state !== 'created';

export const signWords = { '●': 'its own', '○': "the host's", '!': 'a dead one', '?': 'unknown', '▒': "a virtual machine's own kernel" };

/** sign explains a sign of a type of namespace. */
export const sign = (type, s) => type + ': ' + (signWords[s] || 'shared with those of the letter ' + s);
