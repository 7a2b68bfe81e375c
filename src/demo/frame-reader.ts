/** How messages are told apart on a stream (RFC 6587, 3.4); `detect` decides at the start of each frame, as rsyslog does. */
export type ReceiverFraming = 'octet-counting' | 'newline' | 'detect';

export interface Frame {
  bytes: Buffer;
  framing: 'octet-counting' | 'newline';
}

const LF = 0x0a;
const SPACE = 0x20;
const MOST_DIGITS = 10;

/** Cuts a stream into frames. A frame that has begun is held back until its last octet came. */
export class FrameReader {
  private pending: Buffer = Buffer.alloc(0);

  constructor(private readonly framing: ReceiverFraming) {}

  /** Octets of a frame that has begun and not ended. */
  get unfinished(): number {
    return this.pending.byteLength;
  }

  /** The frames that are complete now. @throws Error when octet counting is expected and the length cannot be read */
  push(data: Buffer): Frame[] {
    let rest: Buffer = this.pending.byteLength === 0 ? data : Buffer.concat([this.pending, data]);
    const frames: Frame[] = [];
    for (let taken = this.next(rest); taken !== null; taken = this.next(rest)) {
      // A copy: the octets of the socket's buffer do not stay alive with one message.
      frames.push({ bytes: Buffer.from(taken.frame), framing: taken.framing });
      rest = rest.subarray(taken.used);
    }
    this.pending = rest;
    return frames;
  }

  private next(data: Buffer): { frame: Buffer; framing: Frame['framing']; used: number } | null {
    const first = data[0];
    if (first === undefined) return null;
    const counted = this.framing === 'octet-counting' || (this.framing === 'detect' && first >= 0x31 && first <= 0x39);
    return counted ? this.nextCounted(data) : this.nextLine(data);
  }

  private nextLine(data: Buffer): { frame: Buffer; framing: 'newline'; used: number } | null {
    const end = data.indexOf(LF);
    return end < 0 ? null : { frame: data.subarray(0, end), framing: 'newline', used: end + 1 };
  }

  private nextCounted(data: Buffer): { frame: Buffer; framing: 'octet-counting'; used: number } | null {
    const space = data.subarray(0, MOST_DIGITS + 1).indexOf(SPACE);
    const digits = data.subarray(0, space < 0 ? Math.min(data.byteLength, MOST_DIGITS + 1) : space).toString('latin1');
    if (!/^[1-9]\d*$/.test(digits) || digits.length > MOST_DIGITS) throw new Error(`invalid frame header: ${JSON.stringify(digits)}`);
    if (space < 0) return null;
    const end = space + 1 + Number(digits);
    return end > data.byteLength ? null : { frame: data.subarray(space + 1, end), framing: 'octet-counting', used: end };
  }
}
