import type { Evidence, HttpTarget, OpenContext, OpenOutcome, Target, Transport, Wire } from '../../../contracts/transport.js';
import type { Failure } from '../../../model/failure.js';
import { failure } from '../../../model/network-failure.js';
import { HttpConnection } from './http-connection.js';
import type { Intake } from './intake.js';
import { ReceiverRecords } from './receiver-record.js';
import { RequestSession, type Acknowledgements } from './request-session.js';

/** How a session of one kind of receiver is put together. */
export interface Spoken {
  intake: Intake;
  acknowledgements?: (listener: OpenContext['listener'], fail: (why: Failure) => void) => Acknowledgements;
}

/** What the transports over HTTP have in common: batches as requests, and an answer that is the evidence. */
export abstract class RequestTransport implements Transport {
  abstract readonly protocol: 'http' | 'splunk-hec' | 'elastic-bulk';
  abstract readonly reaches: Evidence;
  readonly unit = 'message';
  private readonly records = new ReceiverRecords();

  async open(target: Target, context: OpenContext): Promise<OpenOutcome> {
    const { http } = target;
    if (http === undefined) return { type: 'failed', failure: failure('settings-invalid', 'connect', 'the target has no settings for HTTP', 'Set the server URL to an http:// or https:// address.', true) };
    const connection = new HttpConnection(target, http, context);
    const failed = await connection.open(context.onStage);
    if (failed !== null) return { type: 'failed', failure: failed };
    const { intake, acknowledgements } = this.speak(target, http, connection);
    const record = this.records.of(target);
    return { type: 'open', session: new RequestSession(target, context, connection, intake, record, acknowledgements && ((fail) => acknowledgements(context.listener, fail))) };
  }

  wire({ host, http }: Target, messages: readonly Uint8Array[]): Wire {
    if (http === undefined) return { octets: Buffer.concat(messages) };
    const { body, path, headers } = this.intake(http, () => host).request(messages);
    return { octets: body, request: { method: 'POST', path, contentType: headers['content-type'] ?? '' } };
  }

  /** @param name the receiver for messages */
  protected abstract intake(http: HttpTarget, name: () => string): Intake;

  protected abstract speak(target: Target, http: HttpTarget, connection: HttpConnection): Spoken;
}
