/**
 * Frames of the Reliable Event Logging Protocol: `TXNR SP COMMAND SP DATALEN [SP DATA] LF`. A command has a transaction number from 1 on, its answer
 * (`rsp`) carries the same one; 0 is for hints of the receiver, which are not answered.
 */

/** After the highest number comes 1 again. */
const HIGHEST_TRANSACTION = 999_999_999;
/** Largest data of an answer; answers are short, so more is a peer that speaks something else. */
const MOST_ANSWER_OCTETS = 131_072;
/** `999999999 serverclose 999999999 ` and some more: a header that is longer is none. */
const MOST_HEADER_OCTETS = 64;
const HEADER = /^(\d{1,9}) ([a-zA-Z]{1,32}) (\d{1,9})(?=[ \n])/;
/** ` syslog `, both numbers, the space before the data and the line feed behind it. */
const FRAME_OVERHEAD_OCTETS = 9 + 8 + 9 + 1 + 1;

export function nextTransaction(transaction: number): number {
  return transaction >= HIGHEST_TRANSACTION ? 1 : transaction + 1;
}

/** One command with its data. */
export function relpCommand(transaction: number, command: string, data = ''): Buffer {
  const octets = Buffer.byteLength(data, 'utf8');
  return Buffer.from(`${transaction} ${command} ${octets}${octets > 0 ? ` ${data}` : ''}\n`, 'utf8');
}

/** Messages as `syslog` commands with transaction numbers from `first` on, in one buffer. */
export function syslogCommands(first: number, messages: readonly Uint8Array[]): Buffer {
  let octets = 0;
  for (const message of messages) octets += message.byteLength + FRAME_OVERHEAD_OCTETS;
  const frames = Buffer.allocUnsafe(octets);
  let at = 0;
  let transaction = first;
  for (const message of messages) {
    at += frames.write(`${transaction} syslog ${message.byteLength}`, at, 'latin1');
    if (message.byteLength > 0) {
      frames[at++] = 0x20;
      frames.set(message, at);
      at += message.byteLength;
    }
    frames[at++] = 0x0a;
    transaction = nextTransaction(transaction);
  }
  return frames.subarray(0, at);
}

export interface RelpFrame {
  transaction: number;
  command: string;
  /** Octets as Latin-1 text. */
  data: string;
}

/** Cuts what the peer sends into frames. */
export class RelpFrameReader {
  private pending = '';

  /** @param mostOctets largest data of a frame */
  constructor(private readonly mostOctets = MOST_ANSWER_OCTETS) {}

  /** The frames that are complete now. @throws SyntaxError with what is no frame */
  push(octets: Buffer): RelpFrame[] {
    const text = this.pending + octets.toString('latin1');
    const frames: RelpFrame[] = [];
    let at = 0;
    for (;;) {
      const header = HEADER.exec(text.slice(at, at + MOST_HEADER_OCTETS));
      if (!header) {
        const rest = text.slice(at);
        if (rest.length >= MOST_HEADER_OCTETS || !/^(\d{1,9}( ([a-zA-Z]{1,32}( (\d{1,9})?)?)?)?)?$/.test(rest)) throw new SyntaxError(`no RELP frame: ${JSON.stringify(rest.slice(0, 40))}`);
        break;
      }
      const length = Number(header[3]);
      if (length > this.mostOctets) throw new SyntaxError(`a RELP frame with ${length} octets`);
      const end = at + header[0].length;
      // Without data the line feed comes at once; some write the space all the same.
      const dataAt = text[end] === ' ' ? end + 1 : end;
      if (text.length <= dataAt + length) break;
      if (text[dataAt + length] !== '\n') throw new SyntaxError(`a RELP frame that does not end after ${length} octets`);
      frames.push({ transaction: Number(header[1]), command: header[2] ?? '', data: text.slice(dataAt, dataAt + length) });
      at = dataAt + length + 1;
    }
    this.pending = text.slice(at);
    return frames;
  }
}

/** What an answer says: `200 OK`, then data of its own behind a line feed. */
export interface RelpAnswer {
  code: number;
  /** For a person. */
  text: string;
  data: string;
}

/** Null when the data is no answer. */
export function relpAnswer(data: string): RelpAnswer | null {
  const answer = /^(\d{3})(?: ([^\n]*))?(?:\n([\s\S]*))?$/.exec(data);
  if (!answer) return null;
  return { code: Number(answer[1]), text: Buffer.from(answer[2] ?? '', 'latin1').toString('utf8').replace(/\p{Cc}/gu, ' ').slice(0, 200), data: answer[3] ?? '' };
}

/** Offers of a session: `name=value` lines. */
export function relpOffers(data: string): Map<string, string> {
  const offers = new Map<string, string>();
  for (const line of data.split('\n')) {
    const [name = '', ...value] = line.split('=');
    if (name.trim() !== '') offers.set(name.trim(), value.join('=').trim());
  }
  return offers;
}
