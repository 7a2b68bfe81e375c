import { z } from 'zod';
import type { Evidence } from '../../contracts/transport.js';
import type { IntegrationSettings } from '../../model/integration.js';
import { wayOf, type ReachDocument } from '../engine/reach.schema.js';

export const reachView = z.object({
  rung: z.enum(['sent', 'read', 'accepted', 'stored', 'found']).meta({ description: 'sent = handed to the operating system; read = the receiver read every octet; accepted, stored = it said so.' }),
  foundBy: z.enum(['test', 'stream']).meta({ description: 'What found it out last: the Test button or the live stream.' }),
  since: z.iso.datetime().meta({ description: 'Since when no other rung was found.' }),
  at: z.iso.datetime().meta({ description: 'When it was found last (to a minute).' }),
  why: z.string().nullable().meta({ description: 'What keeps it from a higher rung, in plain words; null on the highest that the protocol has.' }),
});
export type ReachView = z.output<typeof reachView>;

/** Null where nothing was found out, or only of other settings. */
export function reachViewOf(settings: Pick<IntegrationSettings, 'protocol' | 'serverUrl' | 'port' | 'connection'>, found: ReachDocument | null | undefined): ReachView | null {
  if (!found || found.way !== wayOf(settings)) return null;
  return { rung: found.rung, foundBy: found.foundBy, since: found.since.toISOString(), at: found.at.toISOString(), why: whyNoHigher(settings, found.rung) };
}

function whyNoHigher({ protocol, connection }: Pick<IntegrationSettings, 'protocol' | 'connection'>, rung: Evidence): string | null {
  switch (protocol) {
    case 'udp':
      return 'UDP gives no answer: use tcp, tls or relp where proof matters.';
    case 'tcp':
    case 'tls':
      if (rung !== 'sent') return null;
      return connection.sealIntervalMs === 0
        ? 'No proof of reading is asked for: connection.sealIntervalMs is 0.'
        : 'The receiver does not answer a half-close, so that what it read cannot be proven: what the last quiet period (connection.settleMs) saw is sent again after a failure. It is asked again from time to time.';
    case 'splunk-hec':
      return rung === 'accepted' ? 'The receiver is not asked whether it stored what it accepted: set connection.splunk.ack where it can acknowledge.' : null;
    case 'relp':
    case 'http':
    case 'elastic-bulk':
      return null;
  }
}
