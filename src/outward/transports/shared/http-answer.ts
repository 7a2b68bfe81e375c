import type { Failure } from '../../../model/failure.js';
import { failure } from '../../../model/network-failure.js';
import type { HttpAnswer } from './http-connection.js';

/** A receiver cannot ask for a longer wait than this. */
const LONGEST_RETRY_AFTER_MS = 3_600_000;
const EXCERPT_CHARACTERS = 200;

/** Statuses that pass by themselves: RFC 9110 (408), RFC 8470 (425), RFC 6585 (429), and every 5xx. */
export function passesByItself(status: number): boolean {
  return status === 408 || status === 425 || status === 429 || status >= 500;
}

/** How long the receiver asks to wait (RFC 9110, 10.2.3: seconds or a date); undefined when it does not say. */
export function retryAfterMs(answer: HttpAnswer, now = Date.now()): number | undefined {
  const text = answer.headers['retry-after']?.trim();
  if (text === undefined || text === '') return undefined;
  const ms = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now;
  return Number.isNaN(ms) ? undefined : Math.min(LONGEST_RETRY_AFTER_MS, Math.max(0, ms));
}

/** The begin of what the receiver said, in one line without control characters. */
export function excerptOf(text: string): string {
  const line = text.slice(0, 4 * EXCERPT_CHARACTERS).replace(/[\p{Cc}\s]+/gu, ' ').trim().toWellFormed();
  return line.length > EXCERPT_CHARACTERS ? `${line.slice(0, EXCERPT_CHARACTERS).toWellFormed()}...` : line;
}

/** `HTTP 503: server is busy` */
export function saidBy(answer: HttpAnswer): string {
  const excerpt = excerptOf(answer.text);
  return excerpt === '' ? `HTTP ${answer.status}` : `HTTP ${answer.status}: ${excerpt}`;
}

/** The receiver wants events to come later. */
export function busyFailure(answer: HttpAnswer, name: string, said = saidBy(answer)): Failure {
  const code = answer.status === 429 || answer.status === 503 ? 'receiver-busy' : 'receiver-error';
  const fix = code === 'receiver-busy' ? 'Nothing to repair if it passes: it is tried again. If it stays, give the receiver more capacity or send it fewer types.' : 'See the log of the receiver; it is tried again.';
  return { ...failure(code, 'send', `${name} answered ${said}`, fix), retryAfterMs: retryAfterMs(answer) };
}

/** Answers that mean a wrong setting here or there, whatever was sent; null for all others. Waiting heals none of them. */
export function configurationFailure(answer: HttpAnswer, name: string, path: string): Failure | null {
  const { status } = answer;
  const said = saidBy(answer);
  if (status >= 300 && status <= 399) {
    const to = answer.headers.location?.replace(/[?#].*$/, '').replace(/\/\/[^/@]*@/, '//');
    return failure('redirected', 'send', `${name} sends elsewhere (HTTP ${status}${to === undefined ? '' : `, to ${excerptOf(to)}`})`, 'Redirects are not followed: set the server URL to the place itself (often https:// instead of http://, or another path).', true);
  }
  switch (status) {
    case 401:
    case 407:
      return failure('credentials-refused', 'send', `${name} refused the credentials (${said})`, 'Set user and password, or the token, of this integration again, as the receiver expects them.', true);
    case 403:
      return failure('access-refused', 'send', `${name} does not allow this client to write there (${said})`, 'Give the account or token of this integration the right to write events at the receiver.', true);
    case 404:
    case 410:
      return failure('path-not-found', 'send', `${name} knows nothing at ${path.replace(/\?.*$/, '')} (${said})`, 'Correct the path of the server URL, or enable the intake at the receiver.', true);
    case 405:
    case 501:
      return failure('method-not-allowed', 'send', `${name} takes no POST at ${path.replace(/\?.*$/, '')} (${said})`, 'Correct the path of the server URL: it leads to something that is no intake.', true);
    // How HTTP is spoken (Accept, length, media type, host, upgrade, header size), the same for every event.
    case 406:
    case 411:
    case 415:
    case 421:
    case 426:
    case 431:
      return failure('request-refused', 'send', `${name} does not take requests of this form, whatever is in them (${said})`, 'Compare the server URL (scheme, host name, path), the body (connection.http.body, gzip) and the headers of this integration with what the receiver expects; a proxy in between may be to blame. Nothing was given up.', true);
    default:
      return null;
  }
}

/** The receiver takes none of the events, though the connection and the credentials are right. @param givenUp whether others were given up before */
export function refusedFailure(name: string, reason: string, givenUp: boolean): Failure {
  return failure('request-refused', 'send', `${name} refused every event that it was sent: ${reason}`, `Compare output type and body of this integration with what the receiver expects; see its log. ${keptWhere(givenUp)}`, true);
}

/** The receiver, or something before it, finds even single events too large, all of them. */
export function tooLargeFailure(name: string, reason: string, givenUp: boolean): Failure {
  return failure('request-refused', 'send', `${name} took no event that it was sent: ${reason}`, `Raise the largest body that the receiver, or a proxy before it, takes; or lower output.maxBytes of this integration. ${keptWhere(givenUp)}`, true);
}

function keptWhere(givenUp: boolean): string {
  return givenUp ? 'What was refused before is among its dead letters: replay them when it is repaired. The others wait.' : 'Nothing was given up.';
}
