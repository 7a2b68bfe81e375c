/** The stages of a delivery, in order. The Test button answers stage by stage. */
export type Stage = 'resolve' | 'policy' | 'connect' | 'tls' | 'send' | 'close';

export type FailureCode =
  | 'name-not-found'
  | 'name-lookup-failed'
  | 'address-not-allowed'
  | 'connection-refused'
  | 'network-unreachable'
  | 'connect-timeout'
  | 'tls-handshake-failed'
  | 'certificate-expired'
  | 'certificate-not-yet-valid'
  | 'certificate-untrusted'
  | 'certificate-wrong-name'
  | 'certificate-fingerprint-mismatch'
  | 'client-certificate-wanted'
  | 'client-certificate-invalid'
  | 'not-tls'
  | 'not-relp'
  | 'receiver-refused'
  | 'peer-closed'
  | 'peer-reset'
  | 'send-timeout'
  | 'answer-timeout'
  | 'answer-unexpected'
  | 'receiver-busy'
  | 'receiver-error'
  | 'redirected'
  | 'credentials-refused'
  | 'access-refused'
  | 'path-not-found'
  | 'method-not-allowed'
  | 'request-refused'
  | 'refused-by-receiver'
  | 'settings-refused'
  | 'acknowledgement-missing'
  | 'message-too-long'
  | 'settings-invalid'
  | 'cancelled'
  | 'unexpected';

/** Why a delivery did not go through, for a machine (`code`, `stage`) and for a person (`cause`, `fix`). */
export interface Failure {
  code: FailureCode;
  stage: Stage;
  /** What happened, in one sentence with names and numbers, for example `connect to 127.0.0.1:6514 was refused`. */
  cause: string;
  /** What to do about it, in one sentence. */
  fix: string;
  /** True when waiting cannot heal it (certificate, settings): a person must act. It is tried again all the same, slowly. */
  needsPerson: boolean;
  /** How long the receiver asked to wait before the next try, milliseconds. */
  retryAfterMs?: number;
}

/** One stage that was passed, or the one that failed. */
export interface StageReport {
  stage: Stage;
  ok: boolean;
  /** Milliseconds with fractions. */
  ms: number;
  /** Facts for a person: addresses found, cipher, certificate subject and expiry, octets sent. */
  detail: string;
}
