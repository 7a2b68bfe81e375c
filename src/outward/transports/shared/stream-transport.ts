import type { Evidence, OpenContext, OpenOutcome, Target, Transport } from '../../../contracts/transport.js';
import { cancelledFailure } from '../../../model/network-failure.js';
import { ReceiverMemory } from './receiver-memory.js';
import { StreamConnector } from './stream-connector.js';
import { StreamSession } from './stream-session.js';

/** What syslog over TCP and over TLS have in common: a stream of framed chunks, proven by sealed segments. */
export abstract class StreamTransport implements Transport {
  abstract readonly protocol: 'tcp' | 'tls';
  readonly unit = 'stream';
  readonly reaches = 'read';
  private readonly memory = new ReceiverMemory();

  /** The best evidence that this receiver allows: `sent` once it was found not to answer a half-close. */
  reachesAt(target: Pick<Target, 'host' | 'port'>): Evidence {
    return this.memory.reachOf(target.host, target.port, performance.now());
  }

  async open(target: Target, context: OpenContext): Promise<OpenOutcome> {
    const own = { ...target, protocol: this.protocol, tls: this.protocol === 'tls' ? target.tls : undefined };
    const connector = new StreamConnector(own, context);
    const first = await connector.first(context.onStage);
    if (first.type === 'failed') return first;
    if (context.signal?.aborted) {
      first.link.destroy();
      return { type: 'failed', failure: cancelledFailure('connect', first.link.peer) };
    }
    return { type: 'open', session: new StreamSession(own, context, connector, this.memory.of(target.host, target.port), first.link) };
  }
}
