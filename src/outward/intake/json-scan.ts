/** What a JSON text holds, found in one pass over its bytes, before anything is parsed: the limits are checked on this, so a hostile body costs no more than its bytes. */
export interface JsonScan {
  /** True when the outermost value is a list. */
  list: boolean;
  /** True for a list that ends with its bracket, with nothing but blanks (RFC 8259, section 2) around it: it is JSON when each of its elements is. */
  closed: boolean;
  /** Byte ranges [start, end) of the elements of the list, or the one of the value itself; stops after `maxElements + 1`. */
  starts: number[];
  ends: number[];
  /** Deepest nesting of each element: 0 for a scalar, 1 for a flat object. */
  depths: number[];
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;

/** The scan trusts the text to be JSON (the parser decides that afterwards); it never throws. A byte order mark counts as blank. */
export function scanJson(bytes: Uint8Array, maxElements: number): JsonScan {
  const end = bytes.length;
  let at = 0;
  while (at < end && isBlank(bytes[at])) at += 1;
  const list = bytes[at] === 0x5b;
  const scan: JsonScan = { list, closed: false, starts: [], ends: [], depths: [] };
  if (list) at += 1;
  let start = at;
  let depth = 0;
  let deepest = 0;
  let filled = false;
  for (; at < end; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      filled = true;
      at += 1;
      while (at < end && bytes[at] !== QUOTE) at += bytes[at] === BACKSLASH ? 2 : 1;
    } else if (byte === 0x7b || byte === 0x5b) {
      filled = true;
      depth += 1;
      if (depth > deepest) deepest = depth;
    } else if (byte === 0x7d || byte === 0x5d) {
      if (depth === 0) break;
      depth -= 1;
    } else if (byte === COMMA && depth === 0 && list) {
      scan.starts.push(start);
      scan.ends.push(at);
      scan.depths.push(deepest);
      if (scan.starts.length > maxElements) return scan;
      start = at + 1;
      deepest = 0;
      filled = false;
    } else if (!filled && !isBlank(byte)) filled = true;
  }
  if (filled || scan.starts.length > 0) {
    scan.starts.push(start);
    scan.ends.push(Math.min(at, end));
    scan.depths.push(deepest);
  }
  scan.closed = list && bytes[at] === 0x5d && onlyBlanks(bytes, hasMark(bytes) ? 3 : 0, bytes.indexOf(0x5b)) && onlyBlanks(bytes, at + 1, end);
  return scan;
}

function hasMark(bytes: Uint8Array): boolean {
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
}

/** Blanks of JSON itself, no byte order mark. */
function onlyBlanks(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at += 1) {
    const byte = bytes[at];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return false;
  }
  return true;
}

function isBlank(byte: number | undefined): boolean {
  return byte === 0x20 || byte === 0x0a || byte === 0x0d || byte === 0x09 || byte === 0xef || byte === 0xbb || byte === 0xbf;
}
