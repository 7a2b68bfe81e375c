import type { Transport } from '../../contracts/transport.js';
import type { Protocol } from '../../model/integration.js';
import { ElasticBulkTransport } from './elastic-bulk/elastic-bulk.transport.js';
import { HttpTransport } from './http/http.transport.js';
import { SplunkHecTransport } from './splunk-hec/splunk-hec.transport.js';
import { RelpTransport } from './relp/relp.transport.js';
import { TcpTransport } from './tcp/tcp.transport.js';
import { TlsTransport } from './tls/tls.transport.js';
import { UdpTransport } from './udp/udp.transport.js';

/** Every transport there is. A new one is a folder and a line here. */
export const TRANSPORTS: readonly Transport[] = [new UdpTransport(), new TcpTransport(), new TlsTransport(), new RelpTransport(), new HttpTransport(), new SplunkHecTransport(), new ElasticBulkTransport()];

const byProtocol = new Map(TRANSPORTS.map((transport) => [transport.protocol, transport]));

/** @throws Error when the protocol has no transport, which is a fault of the build */
export function transportFor(protocol: Protocol): Transport {
  const transport = byProtocol.get(protocol);
  if (!transport) throw new Error(`no transport for the protocol ${protocol}: add it to outward/transports/index.ts`);
  return transport;
}
