import type { OpenContext, OpenOutcome, Target, Transport } from '../../../contracts/transport.js';
import { openStream } from '../shared/stream-transport.js';

/** Syslog over TCP (RFC 6587); the buffers come framed. */
export class TcpTransport implements Transport {
  readonly protocol = 'tcp';
  readonly unit = 'stream';
  readonly reaches = 'sent';

  open(target: Target, context: OpenContext): Promise<OpenOutcome> {
    return openStream({ ...target, protocol: 'tcp' }, context);
  }
}
