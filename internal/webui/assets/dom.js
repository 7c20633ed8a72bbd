// Elements. Whatever comes from outside becomes text: nothing here parses HTML.

const svgSpace = 'http://www.w3.org/2000/svg';

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : value);
  }
  add(element, children);
  return element;
}

function add(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === undefined || child === null || child === false) continue;
    element.append(child instanceof Node ? child : String(child));
  }
}

/** h makes an HTML element. Strings become text. */
export const h = (tag, properties, ...children) => fill(document.createElement(tag), properties, children);

/** svg makes an element of a picture. */
export const svg = (tag, properties, ...children) => fill(document.createElementNS(svgSpace, tag), properties, children);

/** show replaces what an element contains. */
export function show(element, ...children) {
  element.replaceChildren();
  add(element, children);
}

/** say sets a text if it is another one. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** link leads to a view. */
export const link = (to, ...children) => h('a', { href: '#/' + to }, ...children);

/** toWorkload leads to the page of a workload. */
export const toWorkload = (key, name) => link('workload/' + encodeURIComponent(key), name);

/** command shows a command with a button that copies it. */
export function command(text) {
  const button = h('button', { type: 'button', class: 'copy', 'aria-label': 'Copy the command ' + text }, 'copy');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = 'copied';
    } catch { // the browser allows it only over HTTPS and on localhost
      const range = document.createRange();
      range.selectNodeContents(button.previousSibling);
      getSelection().removeAllRanges();
      getSelection().addRange(range);
      button.textContent = 'selected';
    }
  });
  return h('span', { class: 'command' }, h('code', {}, text), button);
}
