import { z } from 'zod';
import type { Failure } from '../../../model/failure.js';
import { failure } from '../../../model/network-failure.js';
import { busyFailure, configurationFailure, excerptOf, passesByItself, saidBy } from '../shared/http-answer.js';
import type { HttpAnswer } from '../shared/http-connection.js';
import type { Verdict } from '../shared/intake.js';

const answerBody = z.object({ code: z.number(), text: z.string().optional(), ackId: z.number().optional(), 'invalid-event-number': z.number().optional() });

/** What a HEC answer means, by its code; its text is for people. */
export function judgeHec(answer: HttpAnswer, name: string, path: string, acknowledged: boolean): Verdict {
  const { status } = answer;
  const body = readBody(answer.text);
  if (status === 413) return { type: 'too-large', status, reason: `the receiver finds it too large (${saidBy(answer)})` };
  if (body === null) return { type: 'failed', failure: withoutCode(answer, name, path) };
  const said = `HTTP ${status}, code ${body.code}${body.text === undefined ? '' : `: ${excerptOf(body.text)}`}`;
  const wrong = (code: Failure['code'], fix: string): Verdict => ({ type: 'failed', failure: failure(code, 'send', `${name} answered ${said}`, fix, true) });
  const number = body['invalid-event-number'];
  switch (body.code) {
    case 0:
      if (status < 200 || status > 299) return { type: 'failed', failure: withoutCode(answer, name, path) };
      if (acknowledged && body.ackId === undefined) return wrong('acknowledgement-missing', 'It gives no ackId: enable indexer acknowledgement for this token at the receiver, or switch connection.splunk.ack off.');
      return { type: 'taken', receipt: body.ackId };
    case 1:
      return wrong('credentials-refused', 'The token is disabled: enable it at the receiver, or set another one.');
    case 2:
    case 3:
    case 4:
      return wrong('credentials-refused', 'Set the HEC token of this integration (connection.http.token) again, as it stands at the receiver.');
    case 10:
    case 11:
      return wrong('settings-refused', 'Set connection.splunk.channel to a GUID, or leave it empty.');
    case 14:
      return wrong('settings-refused', 'Enable indexer acknowledgement for this token at the receiver, or switch connection.splunk.ack off.');
    // The index is the same for every event of an integration.
    case 7:
      return wrong('settings-refused', 'Set connection.splunk.index to an index that exists at the receiver and that the token may write to, or leave it empty for the default of the token. Nothing was given up.');
    // No data, invalid format, event missing or blank, indexed fields.
    case 5:
    case 6:
    case 12:
    case 13:
    case 15:
      return number === undefined ? { type: 'refused', status, reason: said } : { type: 'refused-one', index: number, status, reason: said };
    default:
      return passesByItself(status) ? { type: 'failed', failure: busyFailure(answer, name, said) } : { type: 'failed', failure: withoutCode(answer, name, path) };
  }
}

/** An answer that is no HEC answer: of a proxy, or of something else altogether. A 2xx of such a kind is no evidence. */
export function withoutCode(answer: HttpAnswer, name: string, path: string): Failure {
  if (passesByItself(answer.status) && answer.status !== 501) return busyFailure(answer, name);
  return configurationFailure(answer, name, path) ?? failure('answer-unexpected', 'send', `${name} did not answer as an HTTP Event Collector (${saidBy(answer)})`, 'Check that the server URL leads to the collector itself (port 8088 by default).', true);
}

function readBody(text: string): z.output<typeof answerBody> | null {
  try {
    const read = answerBody.safeParse(JSON.parse(text));
    return read.success ? read.data : null;
  } catch {
    return null;
  }
}
