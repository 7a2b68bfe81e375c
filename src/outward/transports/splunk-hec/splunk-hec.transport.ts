import { randomUUID } from 'node:crypto';
import type { HttpTarget, Target } from '../../../contracts/transport.js';
import type { HttpAnswer, HttpConnection, HttpRequest } from '../shared/http-connection.js';
import type { Intake, Verdict } from '../shared/intake.js';
import { RequestTransport, type Spoken } from '../shared/request-transport.js';
import { AckPoller } from './ack-poller.js';
import { judgeHec } from './hec-answer.js';

/**
 * Splunk HTTP Event Collector, event endpoint. Evidence: `accepted` by its answer, or, with indexer acknowledgement, `stored` when the indexer said so.
 */
export class SplunkHecTransport extends RequestTransport {
  readonly protocol = 'splunk-hec';
  readonly reaches = 'stored';

  protected speak(_target: Target, http: HttpTarget, connection: HttpConnection): Spoken {
    const base = baseOf(http);
    const ack = http.acknowledgements;
    // The receiver counts receipts by channel, anew after a restart: a session must not meet those of another one.
    const channel = ack ? randomUUID() : http.channel;
    const intake = new HecIntake(http, `${base}/event`, channel, () => connection.name);
    if (!ack) return { intake };
    return {
      intake,
      acknowledgements: (listener, fail) => new AckPoller({ connection, path: `${base}/ack`, headers: intake.headers, pollMs: ack.pollMs, timeoutMs: ack.timeoutMs, listener, fail }),
    };
  }

  protected intake(http: HttpTarget, name: () => string): Intake {
    return new HecIntake(http, `${baseOf(http)}/event`, http.channel, name);
  }
}

function baseOf({ path }: HttpTarget): string {
  return path.replace(/(\/event)?\/?$/, '') || '/services/collector';
}

export class HecIntake implements Intake {
  readonly headers: Readonly<Record<string, string>>;

  constructor(private readonly http: HttpTarget, private readonly path: string, channel: string | undefined, private readonly name: () => string) {
    this.headers = { ...http.headers, 'content-type': 'application/json', ...(channel === undefined ? {} : { 'x-splunk-request-channel': channel }) };
  }

  /** Objects one after the other, a line each; an array would be refused. */
  request(events: readonly Uint8Array[]): HttpRequest {
    return { path: this.path, headers: this.headers, body: Buffer.concat(events), compress: this.http.gzip };
  }

  judge(answer: HttpAnswer): Verdict {
    return judgeHec(answer, this.name(), this.path, this.http.acknowledgements !== undefined);
  }
}
