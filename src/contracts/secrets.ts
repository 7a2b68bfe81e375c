/**
 * Keeps keys, tokens and passwords of integrations and connectors unreadable at rest (AES-256-GCM).
 * `context` is bound to the sealed text as additional data (for example `integration:<id>:tls.key`): a sealed value moved to another place does not open.
 */
export interface Secrets {
  /** Text to a printable sealed form `v1.<key id>.<nonce>.<ciphertext and tag>`, base64url parts. */
  seal(plain: string, context: string): string;
  /** @throws SecretUnreadable when the key is another one, the text was changed or the context differs. */
  open(sealed: string, context: string): string;
}
export const SECRETS = Symbol('Secrets');

export class SecretUnreadable extends Error {
  constructor(context: string, cause: string) {
    super(`The secret for ${context} cannot be read: ${cause}. Restore the key file that sealed it, or set the secret again.`);
    this.name = 'SecretUnreadable';
  }
}
