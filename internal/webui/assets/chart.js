// The last minute as a picture.
import { h, svg } from './dom.js';
import { bytes } from './words.js';

const [wide, high] = [600, 120];

/** chart draws values, of which null is unknown, with a limit and the seconds in which there were kills. */
export function chart(values, { limit, killed, words, label }) {
  const known = values.filter((v) => v !== null);
  if (!known.length) return null;
  const highest = Math.max(...known);
  const top = Math.max(limit || 0, highest, 1) * 1.08;
  const x = (i) => (i + 0.5) * wide / values.length;
  const y = (v) => high - v / top * (high - 4);
  let line = '';
  let area = '';
  let from = -1;
  const close = (i) => {
    if (from >= 0) area += 'L' + x(i - 1).toFixed(1) + ' ' + high + 'L' + x(from).toFixed(1) + ' ' + high + 'Z';
    from = -1;
  };
  values.forEach((v, i) => {
    if (v === null) return close(i);
    const at = (from < 0 ? 'M' : 'L') + x(i).toFixed(1) + ' ' + y(v).toFixed(1);
    if (from < 0) from = i;
    line += at;
    area += at;
  });
  close(values.length);
  const picture = svg('svg', { class: 'chart', viewBox: '0 0 ' + wide + ' ' + high, preserveAspectRatio: 'none', role: 'img', 'aria-label': label + ': now ' + words(known[known.length - 1]) + ', at most ' + words(highest) },
    svg('path', { class: 'area', d: area }), svg('path', { class: 'curve', d: line }),
    limit && svg('line', { class: 'limit', x1: 0, x2: wide, y1: y(limit), y2: y(limit) }),
    (killed || []).map((n, i) => n > 0 && svg('line', { class: 'kill', x1: x(i), x2: x(i), y1: 0, y2: high }, svg('title', {}, n + (n === 1 ? ' OOM kill' : ' OOM kills')))));
  return h('figure', {}, picture, h('figcaption', {}, h('span', {}, values.length + ' s ago'), h('span', {}, label + ', at most ' + words(highest) + (limit ? ' of ' + words(limit) : '')), h('span', {}, 'now')));
}

export const memoryChart = (page) => page.memory && chart(page.memory, { limit: page.row.kind === 'vm' ? 0 : page.row.limit, killed: page.killed, words: bytes, label: 'Memory' });
export const cpuChart = (page) => page.cpu && chart(page.cpu, { limit: 0, words: (v) => v.toFixed(1) + ' %', label: 'CPU' });
