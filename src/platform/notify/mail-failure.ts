import type { ChannelFailure, ChannelStage } from './channel-sender.js';
import type { MailSettings } from './channel-settings.js';

/** What the mail library says of an error: its own code, the server's reply, and the code that the system or OpenSSL gave. */
export interface MailError extends Error {
  code?: string;
  responseCode?: number;
  response?: string;
  originalCode?: string;
}

/** Errors of an SMTP conversation, sorted by code (never by message text). 4yz is transient, 5yz is not (RFC 5321, 4.2.1). */
export function mailFailure(error: MailError, stage: ChannelStage, { host, port, user, tlsMode }: Pick<MailSettings, 'host' | 'port' | 'user' | 'tlsMode'>): ChannelFailure {
  const server = `${host}:${port}`;
  const reply = error.responseCode;
  const said = error.response === undefined ? '' : `: ${error.response.replace(/\s+/g, ' ').slice(0, 300)}`;
  const final = reply !== undefined && reply >= 500;
  const failure = (code: string, at: ChannelStage, cause: string, fix: string, needsPerson: boolean): ChannelFailure => ({ code, stage: at, cause, fix, needsPerson });
  switch (error.code) {
    case 'EAUTH':
    case 'ENOAUTH':
      return failure('login-refused', 'login', `${server} refused the login of ${user ?? 'nobody'}${said}`, final || reply === undefined ? 'Check user and password of the channel, and whether the server allows this way to log in.' : 'Nothing to repair: it is tried again.', final || reply === undefined);
    case 'ETLS':
      if (reply !== undefined) return failure('starttls-refused', 'tls', `${server} does not start TLS${said}`, 'Choose tlsMode tls (often port 465), or have the server offer STARTTLS; nothing was sent in clear.', true);
      return tlsFailure(error, server);
    case 'EENVELOPE':
      return final
        ? failure('recipients-refused', 'send', `${server} refused the sender or every recipient${said}`, 'Check the addresses from and to of the channel, and whether the user may send as from.', true)
        : failure('temporarily-refused', 'send', `${server} does not take mail now${said}`, 'Nothing to repair: it is tried again.', false);
    case 'ETIMEDOUT':
      return failure('send-timeout', stage, `${server} does not answer in time`, 'Check whether the port speaks SMTP with this tlsMode, and whether the server is overloaded.', false);
    default:
  }
  if (reply !== undefined) return failure(final ? 'mail-refused' : 'temporarily-refused', stage, `${server} answered ${reply}${said}`, final ? 'The server does not take such a mail; its answer says why.' : 'Nothing to repair: it is tried again.', final);
  if (stage === 'tls' && error.originalCode !== undefined && error.originalCode !== 'ECONNRESET') return tlsFailure(error, server);
  const hint = tlsMode === 'tls' ? '' : ' A port that expects TLS from the first octet closes like this: choose tlsMode tls.';
  return failure('peer-closed', stage, `${server} ended the connection (${error.originalCode ?? error.code ?? error.name})`, `Nothing to repair: it is tried again.${stage === 'send' ? '' : hint}`, false);
}

function tlsFailure(error: MailError, server: string): ChannelFailure {
  const code = error.originalCode ?? error.code ?? 'unknown';
  const failure = (name: string, cause: string, fix: string): ChannelFailure => ({ code: name, stage: 'tls', cause, fix, needsPerson: true });
  switch (code) {
    case 'CERT_HAS_EXPIRED':
      return failure('certificate-expired', `the certificate of ${server} has expired (${code})`, 'Renew the certificate of the mail server.');
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return failure('certificate-wrong-name', `the certificate of ${server} is for another name (${code})`, 'Set the host to a name in the certificate of the mail server.');
    case 'DEPTH_ZERO_SELF_SIGNED_CERT':
    case 'SELF_SIGNED_CERT_IN_CHAIN':
    case 'UNABLE_TO_VERIFY_LEAF_SIGNATURE':
    case 'UNABLE_TO_GET_ISSUER_CERT':
    case 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY':
      return failure('certificate-untrusted', `the certificate of ${server} is not issued by an authority that is trusted here (${code})`, 'Set ca of the channel to the certificate of the authority (PEM).');
    default:
      return failure('tls-handshake-failed', `TLS with ${server} failed (${code})`, 'Check the TLS settings of the mail server, and tlsMode and port of the channel.');
  }
}
