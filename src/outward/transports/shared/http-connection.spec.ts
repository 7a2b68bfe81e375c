import { afterEach, describe, expect, it } from '@jest/globals';
import { createServer, type AddressInfo } from 'node:net';
import { targetOf } from '../../../../test/contract/transport/driver.js';
import { NetworkDialer } from '../../../platform/network/dialer.js';
import { HttpTransport } from '../http/http.transport.js';
import { HttpConnection } from './http-connection.js';

const open: Array<() => void> = [];
afterEach(() => {
  for (const end of open.splice(0)) end();
});

describe('a connection to a receiver over HTTP', () => {
  it.each([
    ['changes to another protocol', 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n', 'answer-unexpected', true],
    ['changes to a protocol without a name', 'HTTP/1.1 101 Switching Protocols\r\n\r\n', 'answer-unexpected', true],
    ['ends without a word', '', 'peer-reset', false],
    ['ends after a word in between', 'HTTP/1.1 103 Early Hints\r\n\r\n', 'peer-reset', false],
    ['ends within the answer', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf', 'peer-reset', false],
  ] as const)('fails at once where the receiver %s', async (_case, said, code, needsPerson) => {
    const server = createServer((socket) => void socket.once('data', () => socket.end(said)).on('error', () => {}));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    open.push(() => server.close());
    const target = targetOf(new HttpTransport(), (server.address() as AddressInfo).port);
    if (target.http === undefined) throw new Error('no settings for HTTP');
    const connection = new HttpConnection(target, target.http, { dialer: new NetworkDialer({ denyCidrs: [] }), listener: { safe: () => {}, failed: () => {} } });
    open.push(() => connection.close());
    expect(await connection.open()).toBeNull();
    const begun = performance.now();
    expect(await connection.exchange({ path: '/', headers: {}, body: Buffer.from('one') })).toMatchObject({ type: 'failed', failure: { code, needsPerson } });
    expect(performance.now() - begun).toBeLessThan(target.sendTimeoutMs / 2);
  });
});
