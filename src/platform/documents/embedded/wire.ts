import { type Server, type Socket, createServer } from 'node:net';
import { decode as decodeDocument } from './values.js';
import type { Doc } from './values.js';
import { CommandError } from './errors.js';
import { type Commands, errorReply } from './commands.js';
import { encode } from './values.js';

/** MongoDB's wire protocol as a current driver speaks it: OP_MSG, and OP_QUERY for the first greeting (MongoDB manual, "MongoDB Wire Protocol"). */
const OP_REPLY = 1;
const OP_QUERY = 2004;
const OP_MSG = 2013;
const HEADER_BYTES = 16;
const MAX_MESSAGE_BYTES = 48_000_000 + 16_384;
const CHECKSUM_PRESENT = 1;
const MORE_TO_COME = 2;
const KNOWN_REQUIRED_FLAGS = CHECKSUM_PRESENT | MORE_TO_COME;

/** Serves the commands on sockets. One message at a time per connection; a peer that breaks the framing is cut off. */
export class WireServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly atWork = new Set<Promise<void>>();
  private connections = 0;

  constructor(private readonly commands: Commands) {
    this.server = createServer((socket) => this.accept(socket));
  }

  /** @throws when the path or pipe cannot be listened on. */
  listen(path: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.server.once('error', reject);
      this.server.listen(path, () => {
        this.server.off('error', reject);
        resolve();
      });
    });
  }

  /** Takes no more connections, lets the commands at work end, then closes all. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.server.close(() => resolve()));
    for (const socket of this.sockets) socket.pause();
    await Promise.allSettled(this.atWork);
    for (const socket of this.sockets) socket.destroy();
    await closed;
  }

  private accept(socket: Socket): void {
    const connectionId = ++this.connections;
    this.sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => this.sockets.delete(socket));
    const frames = new Frames();
    let busy = false;
    const work = async (): Promise<void> => {
      if (busy) return;
      busy = true;
      try {
        for (let frame = frames.next(); frame && !socket.destroyed; frame = frames.next()) {
          const reply = await this.answer(frame, connectionId);
          if (reply && !socket.destroyed && !socket.write(reply)) await drained(socket);
        }
      } catch {
        socket.destroy();
      } finally {
        busy = false;
        if (!this.server.listening) socket.pause();
      }
    };
    socket.on('data', (chunk: Buffer) => {
      frames.add(chunk);
      const working = work();
      this.atWork.add(working);
      void working.finally(() => this.atWork.delete(working));
    });
  }

  /** @throws for a message that is not understood at all. */
  private async answer(frame: Buffer, connectionId: number): Promise<Buffer | undefined> {
    const requestId = frame.readInt32LE(4);
    const operation = frame.readInt32LE(12);
    if (operation === OP_QUERY) {
      const reply = await this.greet(frame, connectionId);
      const head = Buffer.alloc(20);
      head.writeInt32LE(1, 16);
      return message(requestId, OP_REPLY, [head, reply]);
    }
    if (operation !== OP_MSG) throw new Error(`unknown operation ${operation}`);
    const flags = frame.readUInt32LE(HEADER_BYTES);
    if ((flags & 0xffff & ~KNOWN_REQUIRED_FLAGS) !== 0) throw new Error(`unknown flags ${flags}`);
    const end = flags & CHECKSUM_PRESENT ? frame.length - 4 : frame.length;
    let reply: Buffer;
    try {
      reply = await this.commands.run(bodyOf(frame, HEADER_BYTES + 4, end), connectionId);
    } catch (error) {
      reply = encode(errorReply(error));
    }
    return flags & MORE_TO_COME ? undefined : message(requestId, OP_MSG, [Buffer.alloc(5), reply]);
  }

  /** OP_QUERY on `admin.$cmd`, which drivers still use to say hello. */
  private async greet(frame: Buffer, connectionId: number): Promise<Buffer> {
    const nameEnd = frame.indexOf(0, HEADER_BYTES + 4);
    const body = decodeDocument(frame.subarray(nameEnd + 9));
    const first = Object.keys(body)[0];
    if (first !== 'hello' && first !== 'isMaster' && first !== 'ismaster') return encode(errorReply(new CommandError(352, 'UnsupportedOpQueryCommand', `Unsupported OP_QUERY command: ${String(first)}`)));
    return this.commands.run({ ...body, $db: 'admin' }, connectionId);
  }
}

/** The command of an OP_MSG: one body, and sequences of documents that belong into it by name. */
function bodyOf(frame: Buffer, start: number, end: number): Doc {
  let body: Doc | undefined;
  const sequences: Array<[string, Doc[]]> = [];
  let position = start;
  while (position < end) {
    const kind = frame.readUInt8(position++);
    const size = frame.readInt32LE(position);
    if (size < 5 || position + size > end) throw new CommandError(17, 'ProtocolError', 'a section of the message has a wrong size');
    if (kind === 0) {
      if (body) throw new CommandError(17, 'ProtocolError', 'the message has two bodies');
      body = decodeDocument(frame.subarray(position, position + size));
    } else if (kind === 1) {
      const nameEnd = frame.indexOf(0, position + 4);
      const name = frame.toString('utf8', position + 4, nameEnd);
      const documents: Doc[] = [];
      for (let at = nameEnd + 1; at < position + size; at += frame.readInt32LE(at)) documents.push(decodeDocument(frame.subarray(at, at + frame.readInt32LE(at))));
      sequences.push([name, documents]);
    } else throw new CommandError(17, 'ProtocolError', `unknown section kind ${kind}`);
    position += size;
  }
  if (!body) throw new CommandError(17, 'ProtocolError', 'the message has no body');
  for (const [name, documents] of sequences) body[name] = documents;
  return body;
}

let lastRequestId = 0;
function message(responseTo: number, operation: number, parts: readonly Buffer[]): Buffer {
  const length = parts.reduce((sum, part) => sum + part.length, HEADER_BYTES);
  const header = Buffer.allocUnsafe(HEADER_BYTES);
  header.writeInt32LE(length, 0);
  header.writeInt32LE((lastRequestId = (lastRequestId + 1) & 0x7fffffff), 4);
  header.writeInt32LE(responseTo, 8);
  header.writeInt32LE(operation, 12);
  return Buffer.concat([header, ...parts], length);
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      socket.off('drain', done);
      socket.off('close', done);
      resolve();
    };
    socket.on('drain', done);
    socket.on('close', done);
  });
}

/** Cuts the byte stream into messages by their length; each byte is copied once, whatever the number of chunks. */
class Frames {
  private readonly chunks: Buffer[] = [];
  private bytes = 0;

  add(chunk: Buffer): void {
    this.chunks.push(chunk);
    this.bytes += chunk.length;
  }

  /** The next whole message, or undefined until more has come. @throws for a length that no message has. */
  next(): Buffer | undefined {
    if (this.bytes < HEADER_BYTES) return undefined;
    const length = this.peekLength();
    if (length < HEADER_BYTES + 5 || length > MAX_MESSAGE_BYTES) throw new Error(`a message of ${length} bytes`);
    if (this.bytes < length) return undefined;
    return this.take(length);
  }

  private peekLength(): number {
    const first = this.chunks[0] as Buffer;
    if (first.length >= 4) return first.readInt32LE(0);
    const head = Buffer.concat(this.chunks.slice(0, 5)).subarray(0, 4);
    return head.readInt32LE(0);
  }

  private take(length: number): Buffer {
    this.bytes -= length;
    const first = this.chunks[0] as Buffer;
    if (first.length === length) return this.chunks.shift() as Buffer;
    const frame = Buffer.allocUnsafe(length);
    let filled = 0;
    let whole = 0;
    for (const chunk of this.chunks) {
      const wanted = Math.min(chunk.length, length - filled);
      chunk.copy(frame, filled, 0, wanted);
      filled += wanted;
      if (wanted < chunk.length) {
        this.chunks[whole] = chunk.subarray(wanted);
        break;
      }
      whole++;
      if (filled === length) break;
    }
    this.chunks.splice(0, whole);
    return frame;
  }
}
