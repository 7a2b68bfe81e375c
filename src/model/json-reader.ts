import type { JsonValue } from './json.js';

type Members = { [name: string]: JsonValue | undefined };

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPENING_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSING_BRACKET = 0x5d;
const OPENING_BRACE = 0x7b;
const CLOSING_BRACE = 0x7d;
const MOST_DEPTH = 64;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?$/;

/** What is read lies here, so that the engine knows where the octets are. Behind it stands a zero, which no piece of JSON goes past. */
const ROOM = 65_536;
/** A literal that is looked for at the end may be longer than what is left. */
const SLACK = 64;
const octets = Buffer.allocUnsafeSlow(ROOM);
const words = new DataView(octets.buffer, octets.byteOffset, ROOM);
/** 1 for what stands for itself in a text: ASCII without control characters, quote and backslash. */
const PLAIN = Uint8Array.from({ length: 256 }, (_, octet) => (octet >= 0x20 && octet < 0x80 && octet !== QUOTE && octet !== BACKSLASH ? 1 : 0));

/** ASCII that is compared four octets at a time; it has at least four, and none of them is zero. */
export class Literal {
  readonly length: number;
  private readonly words: Int32Array;
  private readonly last: number;

  constructor(text: string) {
    const view = new DataView(new TextEncoder().encode(text).buffer);
    this.length = view.byteLength;
    this.words = Int32Array.from({ length: (this.length - 1) >> 2 }, (_, index) => view.getInt32(index * 4, true));
    this.last = view.getInt32(this.length - 4, true);
  }

  /** Whether it stands there. */
  isAt(at: number): boolean {
    const expected = this.words;
    let place = at;
    for (let index = 0; index < expected.length; index++, place += 4) if (words.getInt32(place, true) !== expected[index]) return false;
    return words.getInt32(at + this.length - 4, true) === this.last;
  }
}

interface Known {
  text: string;
  quoted: Literal;
}

/** Names and kinds come back in every event: one text each is kept, at a place that its octets tell. So nothing that lives long hangs on a record. */
const KNOWN_PLACES = 1024;
const LEAST_KNOWN_LENGTH = 2;
const MOST_KNOWN_LENGTH = 48;
const nothing: Known = { text: '', quoted: new Literal('""""') };
const known: Known[] = new Array<Known>(KNOWN_PLACES).fill(nothing);

/**
 * Reads compact JSON out of octets, a piece at a time, as `JSON.parse` would. What is not as asked for gives undefined, and then nothing that was read is worth anything,
 * which `close` tells: the caller asks `JSON.parse`.
 */
export class JsonReader {
  /** All octets as Latin-1: texts of ASCII alone are cut out of it. */
  private text = '';
  private at = 0;
  private length = 0;

  /** False where they are too many. */
  open(from: Buffer, start: number, end: number): boolean {
    const piece = from.subarray(start, end);
    this.length = piece.length;
    if (this.length > ROOM - SLACK) return false;
    octets.set(piece);
    octets[this.length] = 0;
    this.text = octets.toString('latin1', 0, this.length);
    this.at = 0;
    return true;
  }

  /** Lets go of the text. Whether all of it was read, each piece as asked for. */
  close(): boolean {
    this.text = '';
    return this.at === this.length;
  }

  private fail(): undefined {
    this.length = -1;
  }

  /** Goes past these octets when they come next. */
  skip(expected: Literal): boolean {
    if (!expected.isAt(this.at)) return false;
    this.at += expected.length;
    return true;
  }

  /** Goes past this octet when it comes next. */
  skipOne(expected: number): boolean {
    if (octets[this.at] !== expected) return false;
    this.at++;
    return true;
  }

  /** A text behind its opening quote. */
  stringRest(): string | undefined {
    const { at } = this;
    const end = plainEnd(at);
    if (octets[end] !== QUOTE) return this.oddRest(at, end);
    this.at = end + 1;
    return this.text.slice(at, end);
  }

  /** A text with escapes or beyond ASCII. */
  private oddRest(start: number, odd: number): string | undefined {
    let escaped = false;
    for (let index = odd; ; index++) {
      const octet = octets[index] ?? 0;
      if (octet < 0x20) return this.fail();
      if (octet === BACKSLASH) {
        escaped = true;
        index++;
        if (octets[index] === 0) return this.fail();
      } else if (octet === QUOTE) {
        this.at = index + 1;
        if (!escaped) return octets.toString('utf8', start, index);
        try {
          return JSON.parse(octets.toString('utf8', start - 1, index + 1)) as string;
        } catch {
          return this.fail();
        }
      }
    }
  }

  /** A text that comes back in other events, behind its opening quote. */
  knownRest(): string | undefined {
    const { at } = this;
    const end = plainEnd(at);
    if (octets[end] !== QUOTE) return this.oddRest(at, end);
    this.at = end + 1;
    const length = end - at;
    if (length < LEAST_KNOWN_LENGTH || length > MOST_KNOWN_LENGTH) return this.text.slice(at, end);
    const mixed = Math.imul(words.getInt32(at - 1, true) ^ Math.imul(words.getInt32(end - 3, true), 0x9e3779b1) ^ length, 0x85ebca6b);
    const place = (mixed ^ (mixed >>> 15)) & (KNOWN_PLACES - 1);
    const { text, quoted } = known[place] ?? nothing;
    return text.length === length && quoted.isAt(at - 1) ? text : this.know(place, at, end);
  }

  private know(place: number, start: number, end: number): string {
    const slice = this.text.slice(start, end);
    // As a name the engine keeps one flat copy of it.
    const [text = slice] = Object.keys({ [slice]: 0 });
    known[place] = { text, quoted: new Literal(`"${text}"`) };
    return text;
  }

  value(depth = 0): JsonValue | undefined {
    switch (octets[this.at]) {
      case QUOTE: this.at++; return this.stringRest();
      case OPENING_BRACE: this.at++; return depth < MOST_DEPTH ? this.members({}, depth) : this.fail();
      case OPENING_BRACKET: this.at++; return depth < MOST_DEPTH ? this.list(depth) : this.fail();
      case 0x6e: return this.skip(NULL) ? null : this.fail();
      case 0x74: return this.skip(TRUE) ? true : this.fail();
      case 0x66: return this.skip(FALSE) ? false : this.fail();
      default: return this.number();
    }
  }

  /** The rest of an object behind its opening brace. */
  members<T extends Members>(object: T, depth = 0): T | undefined {
    if (this.skipOne(CLOSING_BRACE)) return object;
    return this.moreMembers(object, depth);
  }

  /** The rest of an object behind a comma. */
  moreMembers<T extends Members>(object: T, depth = 0): T | undefined {
    const members: Members = object;
    do {
      if (!this.skipOne(QUOTE)) return this.fail();
      const name = this.knownRest();
      if (name === undefined || name === '__proto__' || !this.skipOne(COLON)) return this.fail();
      const value = this.value(depth + 1);
      if (value === undefined) return this.fail();
      members[name] = value;
    } while (this.skipOne(COMMA));
    return this.skipOne(CLOSING_BRACE) ? object : this.fail();
  }

  private list(depth: number): JsonValue[] | undefined {
    const list: JsonValue[] = [];
    if (this.skipOne(CLOSING_BRACKET)) return list;
    do {
      const value = this.value(depth + 1);
      if (value === undefined) return this.fail();
      list.push(value);
    } while (this.skipOne(COMMA));
    return this.skipOne(CLOSING_BRACKET) ? list : this.fail();
  }

  number(): number | undefined {
    const { at } = this;
    let end = at;
    while (isOfNumber(octets[end] ?? 0)) end++;
    this.at = end;
    if (end === at + 1) {
      const digit = (octets[at] ?? 0) - 0x30;
      return digit >= 0 && digit <= 9 ? digit : this.fail();
    }
    const text = this.text.slice(at, end);
    return NUMBER.test(text) ? Number(text) : this.fail();
  }
}

const reader = new JsonReader();

/** What `JSON.parse` gives of these octets, at about half its cost, where they are compact JSON of at most 64 KiB; undefined for all else, valid or not. Its texts may be cuttings of the octets. */
export function compactJson(from: Buffer, start: number, end: number): JsonValue | undefined {
  if (!reader.open(from, start, end)) return undefined;
  const value = reader.value();
  return reader.close() ? value : undefined;
}

/** Where the plain text ends that begins there. */
function plainEnd(at: number): number {
  let end = at;
  while (PLAIN[octets[end] ?? 0] === 1) end++;
  return end;
}

const isOfNumber = (octet: number): boolean => (octet >= 0x30 && octet <= 0x39) || octet === 0x2d || octet === 0x2e || octet === 0x2b || octet === 0x65 || octet === 0x45;

const NULL = new Literal('null');
const TRUE = new Literal('true');
const FALSE = new Literal('false');
