// What the symbols mean.
import { h, svg } from './dom.js';

const line = (kind) => svg('svg', { class: 'floor key', viewBox: '0 0 44 14', 'aria-hidden': 'true' }, svg('line', { class: 'wall ' + kind, x1: 2, y1: 7, x2: 42, y2: 7 }));
const level = (tone, kind) => svg('svg', { class: 'floor key', viewBox: '0 0 44 14', 'aria-hidden': 'true' },
  svg('g', { class: tone }, svg('rect', { class: kind, x: 1, y: 1, width: 42, height: 12 })));
const mark = (text, kind) => h('b', { class: 'mark ' + kind, 'aria-hidden': 'true' }, text);

const entry = (sign, words) => h('li', {}, sign, ' ', words);

/** walls explains the map. */
export const walls = () => h('ul', { class: 'legend', 'aria-label': 'Symbols of the map' },
  entry(line('own'), 'a wall: a namespace of its own'),
  entry(line('shared'), 'shared by all inside'),
  entry(line('elsewhere'), 'a, b: shared with those of the same letter'),
  entry(line('host'), "○ the host's, where engines usually put up a wall"),
  entry(line('open'), 'open: the same as around'),
  entry(level('calm', 'used'), 'memory in use, up to the limit'),
  entry(level('warn', 'used'), 'near its limit'),
  entry(level('alarm', 'used'), 'at its limit'),
  entry(level('calm', 'cached'), 'cached files, which the kernel drops first'),
  entry(mark('×', 'w-fatal'), "the kernel's OOM killer chose a process here"),
  entry(mark('▭', 'dim'), 'double: a virtual machine, a kernel of its own'));

/** signs explains the table. */
export const signs = () => h('ul', { class: 'legend', 'aria-label': 'Symbols of the table' },
  entry(mark('●', 'own'), 'its own namespace: a wall'),
  entry(mark('○', 'host'), "the host's: no wall there"),
  entry(mark('a b', 'shared'), 'shared with those of the same letter in the column'),
  entry(mark('!', 'dead'), 'a dead one'),
  entry(mark('?', 'unknown'), 'unknown, which is not zero'),
  entry(mark('▒', 'dim'), "a virtual machine's own kernel"),
  entry(mark('×', 'w-fatal'), 'OOM kills since it started'));
