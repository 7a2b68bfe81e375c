import { isIP } from 'node:net';

/** A strict LEEF parser, written from IBM's "LEEF event components" and apart from the renderers. */
export interface LeefMessage {
  version: string;
  vendor: string;
  product: string;
  deviceVersion: string;
  eventId: string;
  /** Keys in the order of the message. */
  attributes: Map<string, string>;
}

/** Longest values of predefined attributes, and those that are no text. */
const LIMITS: Record<string, number> = { usrName: 255, accountName: 255, domain: 255, groupID: 255, cat: 255, sequence: 40, src: 39 };

/** @throws Error naming the first violation. */
export function parseLeef(text: string): LeefMessage {
  const version = /^LEEF:(1\.0|2\.0)\|/.exec(text);
  if (!version) throw new Error(`no LEEF: ${text.slice(0, 80)}`);
  let at = version[0].length;
  const headerField = (name: string): string => {
    const end = text.indexOf('|', at);
    if (end < 0) throw new Error(`${name} is not ended by a pipe`);
    const field = text.slice(at, end);
    if (/\t/.test(field)) throw new Error(`tab in ${name}`);
    at = end + 1;
    return field;
  };
  const header = { version: version[1] ?? '', vendor: headerField('vendor'), product: headerField('product'), deviceVersion: headerField('version'), eventId: headerField('event id') };
  if (Object.values(header).some((field) => field === '') || Buffer.byteLength(header.eventId) > 255) throw new Error('empty header field, or event id too long');
  const delimiter = header.version === '1.0' ? '\t' : delimiterOf(headerField('delimiter'));
  return { ...header, attributes: attributesOf(text.slice(at), delimiter) };
}

function delimiterOf(field: string): string {
  if (field === '') return '\t';
  const hex = /^(?:0x|x)([0-9a-fA-F]{1,4})$/.exec(field)?.[1];
  if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
  if (Array.from(field).length !== 1) throw new Error(`delimiter ${field}`);
  return field;
}

function attributesOf(text: string, delimiter: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const pair of text.split(delimiter)) {
    const equals = pair.indexOf('=');
    const key = pair.slice(0, equals);
    const value = pair.slice(equals + 1);
    if (equals < 1 || !/^[A-Za-z0-9]+$/.test(key)) throw new Error(`no attribute: ${pair.slice(0, 80)}`);
    if (attributes.has(key)) throw new Error(`${key} twice`);
    // Only plain spaces are trimmed: a value of another white space alone is a value.
    if (/^ *$/.test(value)) throw new Error(`${key} is empty`);
    check(key, value);
    attributes.set(key, value);
  }
  return attributes;
}

function check(key: string, value: string): void {
  if (key === 'devTime' && !/^-?\d{1,14}$/.test(value)) throw new Error(`devTime ${value} needs a devTimeFormat`);
  if (key === 'sev' && !/^([1-9]|10)$/.test(value)) throw new Error(`sev ${value}`);
  if ((key === 'src' || key === 'dst') && isIP(value) === 0) throw new Error(`${key} ${value} is no address`);
  const limit = LIMITS[key] ?? 4096;
  if (Buffer.byteLength(value) > limit) throw new Error(`${key} is longer than ${limit}`);
}
