import type { OpenContext, OpenOutcome, Target, Transport } from '../../../contracts/transport.js';
import { openStream } from '../shared/stream-transport.js';

/** Syslog over TLS (RFC 5425); the buffers come framed. Certificates and keys are read from the target at each connection. */
export class TlsTransport implements Transport {
  readonly protocol = 'tls';
  readonly unit = 'stream';
  readonly reaches = 'sent';

  open(target: Target, context: OpenContext): Promise<OpenOutcome> {
    return openStream({ ...target, protocol: 'tls' }, context);
  }
}
