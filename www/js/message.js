// SPDX-License-Identifier: MIT
// Makes requests to this server and shows both messages of an exchange.

const SHOWN_OCTETS = 320;

const SPELLING = { etag: 'ETag', 'www-authenticate': 'WWW-Authenticate', 'content-md5': 'Content-MD5', te: 'TE' };

// Field names are case-insensitive; the browser gives them in lower case.
function spelled(name) {
  return SPELLING[name] ?? name.replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase());
}

function isText(type) {
  return /^(text\/|application\/(json|javascript|x-www-form-urlencoded))|[/+]xml/.test(type);
}

// Makes one request. The browser adds fields of its own to those in `request.fields`,
// which no script can see; a response of the echo program tells them.
export async function exchange({ method = 'GET', target, fields = {}, body = '' }) {
  const began = performance.now();
  const answer = await fetch(target, {
    method,
    headers: fields,
    body: body === '' ? undefined : body,
    cache: 'no-store',
    redirect: 'manual',
  });
  const octets = new Uint8Array(await answer.arrayBuffer());
  const type = answer.headers.get('content-type') ?? '';
  return {
    milliseconds: performance.now() - began,
    status: answer.status,
    reason: answer.statusText,
    header: answer.headers,
    octets,
    request: {
      line: `${method} ${target} HTTP/1.1`,
      fields: [['Host', location.host], ...Object.entries(fields)],
      body,
    },
    response: {
      line: `HTTP/1.1 ${answer.status} ${answer.statusText}`,
      fields: [...answer.headers].map(([name, value]) => [spelled(name), value]),
      body: isText(type) ? new TextDecoder().decode(octets.subarray(0, SHOWN_OCTETS)) : '',
      more: isText(type) ? octets.length - SHOWN_OCTETS : octets.length,
    },
  };
}

function piece(text, style) {
  const element = document.createElement('span');
  element.className = style;
  element.textContent = text;
  return element;
}

// Shows a message: start line, fields, an empty line, and the body if there is one.
export function show(element, { line, fields, body = '', more = 0, aside = '' }) {
  const parts = [piece(line, 'start'), '\n'];
  for (const [name, value] of fields) parts.push(piece(`${name}:`, 'field'), ` ${value}\n`);
  if (aside) parts.push(piece(aside, 'aside'), '\n');
  if (body !== '') parts.push('\n', body);
  if (more > 0) parts.push('\n', piece(`${body === '' ? '' : 'and '}${more} octets${body === '' ? '' : ' more'}`, 'aside'));
  element.replaceChildren(...parts);
}

// Runs `work` while its button says that it is busy; a failure is told where the result would be.
export async function whilePressed(button, result, work) {
  const group = button.closest('[role="group"]');
  for (const other of group?.querySelectorAll('button') ?? []) other.setAttribute('aria-pressed', String(other === button));
  button.setAttribute('aria-busy', 'true');
  try {
    result.classList.remove('failed');
    result.textContent = await work();
  } catch (error) {
    if (!(error instanceof TypeError)) throw error; // what fetch() throws when there is no answer
    result.classList.add('failed');
    result.textContent = 'No answer: the server cannot be reached.';
  } finally {
    button.removeAttribute('aria-busy');
  }
}

// Puts the parts that work with a script in the place of those that stand for them.
export function reveal(...ids) {
  for (const id of ids) document.getElementById(id).hidden = false;
  for (const element of document.querySelectorAll('[data-with-script]')) element.hidden = false;
  for (const element of document.querySelectorAll('[data-without-script]')) element.hidden = true;
}
