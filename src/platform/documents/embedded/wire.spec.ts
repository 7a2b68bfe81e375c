import { mkdtemp, rm } from 'node:fs/promises';
import { type Socket, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { systemClock } from '../../../contracts/clock.js';
import { Commands } from './commands.js';
import { Store } from './store.js';
import { type Doc, decode, encode } from './values.js';
import { WireServer } from './wire.js';

const OP_MSG = 2013;
const OP_QUERY = 2004;

describe('the wire', () => {
  let directory: string;
  let store: Store;
  let server: WireServer;
  let client: Client;
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'tidegate-wire-'));
    store = new Store(join(directory, 'data'));
    server = new WireServer(new Commands(store, systemClock, { memoryBytes: 1_000_000, cursorIdleMs: 60_000 }));
    await server.listen(join(directory, 's'));
    client = await Client.to(join(directory, 's'));
  });
  afterEach(async () => {
    client.socket.destroy();
    await server.close();
    await store.close();
    await rm(directory, { recursive: true, force: true });
  });

  it('answers a message that comes byte by byte', async () => {
    const bytes = message({ ping: 1, $db: 'admin' });
    for (const byte of bytes) client.socket.write(Buffer.from([byte]));
    expect(await client.next()).toEqual({ ok: 1 });
  });

  it('answers messages that come together one after the other, in order', async () => {
    client.socket.write(Buffer.concat([message({ insert: 'c', documents: [{ _id: 1 }], $db: 'd' }, { id: 11 }), message({ find: 'c', $db: 'd' }, { id: 12 }), message({ nonsense: 1, $db: 'd' }, { id: 13 })]));
    expect(await client.next()).toEqual({ n: 1, ok: 1 });
    expect((await client.next())['cursor']).toMatchObject({ firstBatch: [{ _id: 1 }] });
    expect(await client.next()).toMatchObject({ ok: 0, code: 59, codeName: 'CommandNotFound' });
    expect(client.answered).toEqual([11, 12, 13]);
  });

  it('takes documents from a sequence beside the body', async () => {
    client.socket.write(message({ insert: 'c', $db: 'd' }, { sequence: ['documents', [{ _id: 1 }, { _id: 2 }]] }));
    expect(await client.next()).toEqual({ n: 2, ok: 1 });
  });

  it('does, but does not answer, what asks for no answer', async () => {
    client.socket.write(Buffer.concat([message({ insert: 'c', documents: [{ _id: 1 }], $db: 'd' }, { flags: 2 }), message({ count: 'c', $db: 'd' })]));
    expect(await client.next()).toEqual({ n: 1, ok: 1 });
  });

  it('reads over a checksum', async () => {
    client.socket.write(message({ ping: 1, $db: 'admin' }, { flags: 1, tail: Buffer.alloc(4) }));
    expect(await client.next()).toEqual({ ok: 1 });
  });

  it('greets older drivers', async () => {
    const body = Buffer.concat([Buffer.alloc(4), Buffer.from('admin.$cmd\0'), Buffer.alloc(4), Buffer.from([255, 255, 255, 255]), encode({ isMaster: 1, helloOk: true })]);
    client.socket.write(framed(5, OP_QUERY, body));
    expect(await client.next(36)).toMatchObject({ ismaster: true, helloOk: true, maxWireVersion: 21, ok: 1 });
  });

  it.each([
    ['a length that is too small', () => Buffer.from('0a000000010000000000000000000000000000000000', 'hex')],
    ['a length that is too large', () => Buffer.concat([Buffer.from([0, 0, 0, 0x7f]), Buffer.alloc(30)])],
    ['an unknown operation', () => framed(1, 2002, Buffer.alloc(20))],
    ['unknown flags', () => message({ ping: 1, $db: 'admin' }, { flags: 8 })],
  ])('cuts off a peer that sends %s', async (_what, bytes) => {
    client.socket.write(bytes());
    await client.closed;
    const other = await Client.to(join(directory, 's'));
    other.socket.write(message({ ping: 1, $db: 'admin' }));
    expect(await other.next()).toEqual({ ok: 1 });
    other.socket.destroy();
  });

  it('answers a section that is torn with an error', async () => {
    const bytes = message({ ping: 1, $db: 'admin' });
    bytes.writeInt32LE(9999, 21);
    client.socket.write(bytes);
    expect(await client.next()).toMatchObject({ ok: 0, code: 17 });
  });
});

function framed(id: number, operation: number, body: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeInt32LE(16 + body.length, 0);
  header.writeInt32LE(id, 4);
  header.writeInt32LE(operation, 12);
  return Buffer.concat([header, body]);
}

function message(body: Doc, { id = 1, flags = 0, sequence, tail = Buffer.alloc(0) }: { id?: number; flags?: number; sequence?: [string, Doc[]]; tail?: Buffer } = {}): Buffer {
  const parts = [Buffer.alloc(4), Buffer.from([0]), encode(body)];
  (parts[0] as Buffer).writeUInt32LE(flags, 0);
  if (sequence) {
    const inner = Buffer.concat([Buffer.from(`${sequence[0]}\0`), ...sequence[1].map(encode)]);
    const size = Buffer.alloc(4);
    size.writeInt32LE(inner.length + 4, 0);
    parts.push(Buffer.from([1]), size, inner);
  }
  return framed(id, OP_MSG, Buffer.concat([...parts, tail]));
}

/** A socket that reads whole messages. */
class Client {
  readonly answered: number[] = [];
  readonly closed: Promise<void>;
  private received = Buffer.alloc(0);
  private wake: () => void = () => {};

  private constructor(readonly socket: Socket) {
    socket.on('data', (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk]);
      this.wake();
    });
    socket.on('error', () => {});
    this.closed = new Promise((resolve) => socket.once('close', () => resolve()));
  }

  static to(path: string): Promise<Client> {
    return new Promise((resolve, reject) => {
      const socket = connect(path);
      socket.once('error', reject);
      socket.once('connect', () => resolve(new Client(socket)));
    });
  }

  /** The next answer; its document begins after the header and the flags of an OP_MSG. */
  async next(bodyAt = 21): Promise<Doc> {
    while (this.received.length < 4 || this.received.length < this.received.readInt32LE(0)) await new Promise<void>((resolve) => (this.wake = resolve));
    const length = this.received.readInt32LE(0);
    const frame = this.received.subarray(0, length);
    this.received = this.received.subarray(length);
    this.answered.push(frame.readInt32LE(8));
    return decode(frame.subarray(bodyAt));
  }
}
