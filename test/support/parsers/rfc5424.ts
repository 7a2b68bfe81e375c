/** A strict RFC 5424 parser, written from the grammar (section 6) and apart from the renderers. */
export interface Rfc5424Message {
  facility: number;
  severity: number;
  timestamp: string;
  hostname: string;
  appName: string;
  procId: string;
  msgId: string;
  /** SD-ID to its parameters. */
  data: Map<string, Map<string, string>>;
  /** Whether a byte order mark stood in front of MSG. */
  bom: boolean;
  message: string;
}

const PRINTABLE = /^[\x21-\x7e]+$/;
const NAME = /^[\x21\x23-\x3c\x3e-\x5c\x5e-\x7e]{1,32}$/;
const TIMESTAMP = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,6})?(?:Z|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** @throws Error naming the first violation. */
export function parseRfc5424(text: string): Rfc5424Message {
  const priority = /^<(0|[1-9]\d{0,2})>1 /.exec(text);
  if (!priority) throw new Error('PRI or VERSION');
  const value = Number(priority[1]);
  if (value > 191) throw new Error(`PRI ${value}`);
  let at = priority[0].length;
  const field = (name: string, maxOctets: number): string => {
    const end = text.indexOf(' ', at);
    if (end < 0) throw new Error(`${name} is not ended by a space`);
    const part = text.slice(at, end);
    if (!PRINTABLE.test(part) || part.length > maxOctets) throw new Error(`${name} ${part}`);
    at = end + 1;
    return part;
  };
  const timestamp = field('TIMESTAMP', 32);
  if (timestamp !== '-') checkTimestamp(timestamp);
  const hostname = field('HOSTNAME', 255);
  const appName = field('APP-NAME', 48);
  const procId = field('PROCID', 128);
  const msgId = field('MSGID', 32);
  const data = new Map<string, Map<string, string>>();
  if (text[at] === '-') at += 1;
  else if (text[at] === '[') while (text[at] === '[') at = element(text, at, data);
  else throw new Error('STRUCTURED-DATA');
  const head = { facility: value >> 3, severity: value & 7, timestamp, hostname, appName, procId, msgId, data };
  if (at === text.length) return { ...head, bom: false, message: '' };
  if (text[at] !== ' ') throw new Error('no space after STRUCTURED-DATA');
  const message = text.slice(at + 1);
  const bom = message.startsWith('\ufeff');
  return { ...head, bom, message: bom ? message.slice(1) : message };
}

function checkTimestamp(timestamp: string): void {
  const parts = TIMESTAMP.exec(timestamp);
  if (!parts) throw new Error(`TIMESTAMP ${timestamp}`);
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [number, number, number, number, number, number];
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  if (month < 1 || month > 12 || day < 1 || day > days || hour > 23 || minute > 59 || second > 59) throw new Error(`TIMESTAMP ${timestamp}`);
}

/** @returns the position after the element's closing bracket. */
function element(text: string, start: number, data: Map<string, Map<string, string>>): number {
  let at = start + 1;
  const idEnd = at + (/^[^ \]]*/.exec(text.slice(at))?.[0].length ?? 0);
  const id = text.slice(at, idEnd);
  if (!NAME.test(id)) throw new Error(`SD-ID ${id}`);
  if (!/^(timeQuality|origin|meta|[^@]+@\d+(\.\d+)*)$/.test(id)) throw new Error(`SD-ID ${id} is neither registered nor name@number`);
  if (data.has(id)) throw new Error(`SD-ID ${id} twice`);
  const parameters = new Map<string, string>();
  data.set(id, parameters);
  at = idEnd;
  while (text[at] === ' ') {
    const equals = text.indexOf('="', at);
    if (equals < 0) throw new Error('SD-PARAM without value');
    const name = text.slice(at + 1, equals);
    if (!NAME.test(name)) throw new Error(`PARAM-NAME ${name}`);
    if (parameters.has(name)) throw new Error(`PARAM-NAME ${name} twice`);
    let value = '';
    at = equals + 2;
    while (text[at] !== '"') {
      const character = text[at];
      if (character === undefined || character === ']') throw new Error(`PARAM-VALUE of ${name} is not closed`);
      if (character === '\\') {
        const escaped = text[at + 1] ?? '';
        if (!/^["\\\]]$/.test(escaped)) throw new Error(`escape \\${escaped} in ${name}`);
        value += escaped;
        at += 2;
      } else {
        value += character;
        at += 1;
      }
    }
    if (value === '') throw new Error(`PARAM-VALUE of ${name} is empty`);
    parameters.set(name, value);
    at += 1;
  }
  if (text[at] !== ']') throw new Error('SD-ELEMENT is not closed');
  return at + 1;
}
