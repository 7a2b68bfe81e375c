import type { OpenContext, OpenOutcome, Target, Transport, Wire } from '../../../contracts/transport.js';
import { StreamConnector } from '../shared/stream-connector.js';
import { syslogCommands } from './relp-frame.js';
import { RelpLink } from './relp-link.js';
import { RelpSession } from './relp-session.js';

/** Syslog over RELP, plain or over TLS: the receiver answers each message when it has accepted it. */
export class RelpTransport implements Transport {
  readonly protocol = 'relp';
  readonly unit = 'message';
  readonly reaches = 'accepted';

  /** As the first messages of a session: its opening has the transaction number 1. */
  wire(_target: Target, messages: readonly Uint8Array[]): Wire {
    return { octets: syslogCommands(2, messages) };
  }

  async open(target: Target, context: OpenContext): Promise<OpenOutcome> {
    const connector = new StreamConnector({ ...target, protocol: this.protocol }, context);
    const connected = await connector.first(context.onStage);
    if (connected.type === 'failed') return connected;
    const opened = await RelpLink.open(connected.link, target, context.signal);
    if (opened.type === 'failed') {
      context.onStage?.({ stage: opened.failure.stage, ok: false, ms: 0, detail: opened.failure.cause });
      return opened;
    }
    return { type: 'open', session: new RelpSession(target, context, connector, opened.relp) };
  }
}
