import { createHmac } from 'node:crypto';
import type { HttpTarget, Target } from '../../../contracts/transport.js';
import { busyFailure, configurationFailure, passesByItself, saidBy } from '../shared/http-answer.js';
import type { HttpAnswer, HttpConnection, HttpRequest } from '../shared/http-connection.js';
import type { Intake, Verdict } from '../shared/intake.js';
import { RequestTransport, type Spoken } from '../shared/request-transport.js';

/** Events by POST to any HTTP intake, as NDJSON, a JSON array or a CloudEvents batch. A 2xx is the evidence, except 207. */
export class HttpTransport extends RequestTransport {
  readonly protocol = 'http';
  readonly reaches = 'accepted';

  protected speak(_target: Target, http: HttpTarget, connection: HttpConnection): Spoken {
    return { intake: this.intake(http, () => connection.name) };
  }

  protected intake(http: HttpTarget, name: () => string): Intake {
    return new HttpIntake(http, name, () => Math.floor(Date.now() / 1000));
  }
}

export class HttpIntake implements Intake {
  constructor(private readonly http: HttpTarget, private readonly name: () => string, private readonly nowSeconds: () => number) {}

  request(events: readonly Uint8Array[]): HttpRequest {
    const { http } = this;
    const plain = http.body === 'ndjson' ? Buffer.concat(events) : arrayOf(events);
    const headers: Record<string, string> = { ...http.headers, 'content-type': CONTENT_TYPES[http.body] };
    if (http.signature) headers[http.signature.header] = signatureOf(plain, http.signature.secret, this.nowSeconds());
    return { path: pathOf(http), headers, body: plain, compress: http.gzip };
  }

  judge(answer: HttpAnswer): Verdict {
    const { status } = answer;
    // Which part it does not say: the events are searched, and come again under their ids.
    if (status === 207) return { type: 'refused', status, reason: `it took only a part (${saidBy(answer)})` };
    if (status >= 200 && status <= 299) return { type: 'taken' };
    if (status === 413) return { type: 'too-large', status, reason: `the receiver finds it too large (${saidBy(answer)})` };
    if (passesByItself(status) && status !== 501) return { type: 'failed', failure: busyFailure(answer, this.name()) };
    const wrong = configurationFailure(answer, this.name(), pathOf(this.http));
    return wrong ? { type: 'failed', failure: wrong } : { type: 'refused', status, reason: saidBy(answer) };
  }
}

const CONTENT_TYPES = { ndjson: 'application/x-ndjson', 'json-array': 'application/json', 'cloudevents-batch': 'application/cloudevents-batch+json' } as const;

/**
 * `t=<seconds since 1970>,v1=<HMAC-SHA256 of "<t>.<body>", hex>`: the time is signed with the body, so that an old request cannot be played again later.
 * The body is the one before compression, as an application sees it.
 */
export function signatureOf(body: Uint8Array, secret: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.`).update(body).digest('hex')}`;
}

function arrayOf(events: readonly Uint8Array[]): Buffer {
  const parts = events.flatMap((event, index) => [index === 0 ? OPEN : COMMA, event]);
  return Buffer.concat([...parts, CLOSE]);
}
const OPEN = Buffer.from('[');
const COMMA = Buffer.from(',\n');
const CLOSE = Buffer.from(']');

function pathOf(http: HttpTarget): string {
  return http.path === '' ? '/' : http.path;
}
