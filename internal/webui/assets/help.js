// The symbols and keys, in a dialog.
import { h } from './dom.js';
import { signs, walls } from './legend.js';

const keys = [
  ['1 … 4', 'the views'], ['/', 'filter the workloads'], ['← ↑ ↓ →', 'from room to room, or from row to row'],
  ['Enter', 'opens what is chosen'], ['Esc', 'back'], ['?', 'this'],
];

/** help opens the dialog. */
export function help() {
  const close = h('button', { type: 'button', class: 'close' }, 'Close');
  const dialog = h('dialog', { 'aria-label': 'Symbols and keys' },
    close, h('h2', {}, 'What there is to see'),
    h('p', {}, 'Each workload is ordinary processes of this host. ', h('b', {}, 'Namespaces'), ' set apart what they see: files, process numbers, network and more. A workload ',
      'that has one of its own has a wall there. ', h('b', {}, 'Cgroups'), ' bound what they use: the level in a room is its memory. A virtual machine has a kernel of its own, ',
      'of which nothing is visible from here.'),
    h('h2', {}, 'The map'), walls(), h('h2', {}, 'The table'), signs(),
    h('h2', {}, 'Keys'), h('dl', { class: 'keys' }, keys.map(([key, words]) => [h('dt', {}, h('kbd', {}, key)), h('dd', {}, words)])));
  close.addEventListener('click', () => dialog.close());
  dialog.addEventListener('close', () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
}
