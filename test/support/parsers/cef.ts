import { isIPv4, isIPv6 } from 'node:net';

/** A strict CEF parser, written from the CEF Implementation Standard (version 27) and apart from the renderers. */
export interface CefMessage {
  version: number;
  vendor: string;
  product: string;
  deviceVersion: string;
  signatureId: string;
  name: string;
  severity: number;
  /** Keys in the order of the message, values without their escapes. */
  extension: Map<string, string>;
}

type Kind = 'text' | 'number' | 'time' | 'ipv4' | 'ipv6';
/** The dictionary: kind and, for text, the longest value in octets. */
const DICTIONARY: Record<string, [Kind, number]> = {
  rt: ['time', 0], start: ['time', 0], end: ['time', 0], deviceCustomDate1: ['time', 0], deviceCustomDate2: ['time', 0],
  src: ['ipv4', 0], dst: ['ipv4', 0], dvc: ['ipv4', 0], c6a1: ['ipv6', 0], c6a2: ['ipv6', 0], c6a3: ['ipv6', 0], c6a4: ['ipv6', 0],
  cn1: ['number', 0], cn2: ['number', 0], cn3: ['number', 0], cnt: ['number', 0], spt: ['number', 0], dpt: ['number', 0], dvcpid: ['number', 0],
  suser: ['text', 1023], duser: ['text', 1023], suid: ['text', 1023], duid: ['text', 1023], spriv: ['text', 1023], dpriv: ['text', 1023], shost: ['text', 1023], dhost: ['text', 1023],
  sntdom: ['text', 255], dntdom: ['text', 255], dvchost: ['text', 100], deviceExternalId: ['text', 255], externalId: ['text', 40], cat: ['text', 1023], act: ['text', 63], outcome: ['text', 63],
  reason: ['text', 1023], msg: ['text', 1023], cs1: ['text', 4000], cs2: ['text', 4000], cs3: ['text', 4000], cs4: ['text', 4000], cs5: ['text', 4000], cs6: ['text', 4000],
};
/** Keys that only the consumer of CEF may set. */
const CONSUMER_KEYS = ['art', 'agt', 'ahost', 'aid', 'av', 'at', 'atz', 'eventId', 'rawEvent', 'dlat', 'dlong', 'slat', 'slong'];
const HEADER_OCTETS = [63, 63, 31, 1023, 512];

/** @throws Error naming the first violation. */
export function parseCef(text: string): CefMessage {
  const start = /^CEF:([01])\|/.exec(text);
  if (!start) throw new Error(`no CEF: ${text.slice(0, 80)}`);
  const fields: string[] = [];
  let at = start[0].length;
  while (fields.length < 6) {
    let field = '';
    while (text[at] !== '|') {
      const character = text[at];
      if (character === undefined) throw new Error('the header has too few fields');
      if (character === '\\') {
        const escaped = text[at + 1] ?? '';
        if (escaped !== '\\' && escaped !== '|') throw new Error(`header escape \\${escaped}`);
        field += escaped;
        at += 2;
      } else {
        field += character;
        at += 1;
      }
    }
    if (field === '') throw new Error('empty header field');
    fields.push(field);
    at += 1;
  }
  HEADER_OCTETS.forEach((limit, index) => {
    if (Buffer.byteLength(fields[index] ?? '') > limit) throw new Error(`header field ${index + 1} is longer than ${limit}`);
  });
  const [vendor = '', product = '', deviceVersion = '', signatureId = '', name = '', severity = ''] = fields;
  if (!/^(\d|10)$/.test(severity)) throw new Error(`severity ${severity}`);
  const extension = pairs(text.slice(at));
  checkDictionary(extension);
  return { version: Number(start[1]), vendor, product, deviceVersion, signatureId, name, severity: Number(severity), extension };
}

function pairs(text: string): Map<string, string> {
  const found = new Map<string, string>();
  if (text === '') return found;
  let at = 0;
  while (at < text.length) {
    const key = /^[A-Za-z0-9]+(?==)/.exec(text.slice(at, at + 64))?.[0];
    if (key === undefined) throw new Error(`no key at ${text.slice(at, at + 40)}`);
    if (found.has(key)) throw new Error(`key ${key} twice`);
    at += key.length + 1;
    const end = endOfValue(text, at);
    const raw = text.slice(at, end);
    if (raw === '' || raw.startsWith(' ') || raw.endsWith(' ')) throw new Error(`value of ${key} is empty or has outer spaces`);
    found.set(key, unescapeCefValue(raw));
    at = end + 1;
  }
  return found;
}

/** The value ends before the space in front of the next `key=`; that `=` is the next one without a backslash. */
function endOfValue(text: string, start: number): number {
  for (let at = start; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '=') {
      const space = text.lastIndexOf(' ', at);
      if (space < start || !/^[A-Za-z0-9]+$/.test(text.slice(space + 1, at))) throw new Error(`a bare = at ${text.slice(Math.max(start, at - 20), at + 20)}`);
      return space;
    }
  }
  return text.length;
}

/** @throws Error when a backslash stands before anything but `\`, `=`, `n` or `r`. */
export function unescapeCefValue(raw: string): string {
  return raw.replace(/\\(.?)/gsu, (_pair, escaped: string) => {
    switch (escaped) {
      case '\\': case '=': return escaped;
      case 'n': return '\n';
      case 'r': return '\r';
      default: throw new Error(`extension escape \\${escaped}`);
    }
  });
}

function checkDictionary(extension: Map<string, string>): void {
  const labels = new Set<string>();
  for (const [key, value] of extension) {
    if (CONSUMER_KEYS.includes(key)) throw new Error(`${key} belongs to the consumer`);
    if (key.endsWith('Label')) {
      if (!extension.has(key.slice(0, -5))) throw new Error(`${key} without its field`);
      if (!/^[a-z][A-Za-z]+$/.test(value) || labels.has(value)) throw new Error(`label ${value}`);
      labels.add(value);
      continue;
    }
    const entry = DICTIONARY[key];
    if (entry === undefined) {
      if (!/^Tidegate[A-Z][A-Za-z]+$/.test(key)) throw new Error(`unknown key ${key}`);
      continue;
    }
    if (/^(cs|cn|c6a|deviceCustomDate)\d$/.test(key) && !extension.has(`${key}Label`)) throw new Error(`${key} without a label`);
    checkValue(key, value, entry);
  }
}

function checkValue(key: string, value: string, [kind, maxOctets]: [Kind, number]): void {
  const right = {
    text: () => Buffer.byteLength(value) <= maxOctets,
    number: () => /^(0|-?[1-9]\d{0,18})$/.test(value),
    time: () => /^-?\d{1,15}$/.test(value),
    ipv4: () => isIPv4(value),
    ipv6: () => isIPv6(value) && !value.includes('%') && value.length <= 39,
  }[kind]();
  if (!right) throw new Error(`${key}=${value.slice(0, 60)} is no ${kind}${kind === 'text' ? ` of at most ${maxOctets} octets` : ''}`);
}
