import { createCipheriv, createDecipheriv, createHmac, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Settings } from '../../config/settings.js';
import { SecretUnreadable, type Secrets } from '../../contracts/secrets.js';
import { prepareDataDirectory } from '../data-directory.js';
import { makeKeyFile, readKeyFile } from './key-file.js';

/** NIST SP 800-38D: 96-bit nonces and 128-bit tags. Random nonces under one key are safe for 2^32 seals, far more than secrets are ever set. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const SEALED = /^v1\.([A-Za-z0-9_-]{8})\.([A-Za-z0-9_-]{16})\.([A-Za-z0-9_-]{22,})$/;

/** Secrets sealed with AES-256-GCM. Version, key id and context are authenticated with the text. */
export class SecretBox implements Secrets {
  private readonly keys: ReadonlyMap<string, Buffer>;
  private readonly sealing: { id: string; key: Buffer };

  /** @param keys of 32 octets; the first seals, all open */
  constructor(keys: readonly [Buffer, ...Buffer[]]) {
    this.keys = new Map(keys.map((key) => [keyId(key), key]));
    this.sealing = { id: keyId(keys[0]), key: keys[0] };
  }

  /** The box of the settings: `secretKeyFile`, else `secret.key` in the data directory, which is made when it is not there. @throws KeyFileRefused, DataDirectoryRefused */
  static fromSettings(settings: Pick<Settings, 'secretKeyFile' | 'dataDir'>): SecretBox {
    let path = settings.secretKeyFile;
    if (path === undefined) {
      path = join(prepareDataDirectory(settings.dataDir), 'secret.key');
      if (!existsSync(path)) makeKeyFile(path);
    }
    const [first, ...others] = readKeyFile(path);
    if (!first) throw new TypeError('a key file without a key was accepted');
    return new SecretBox([first, ...others]);
  }

  /** Names the key that seals, without telling anything of it. */
  get sealingKeyId(): string {
    return this.sealing.id;
  }

  seal(plain: string, context: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv('aes-256-gcm', this.sealing.key, nonce, { authTagLength: TAG_BYTES });
    cipher.setAAD(additionalData(this.sealing.id, context));
    const text = Buffer.concat([cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `v1.${this.sealing.id}.${nonce.toString('base64url')}.${text.toString('base64url')}`;
  }

  open(sealed: string, context: string): string {
    const match = SEALED.exec(sealed);
    if (!match) throw new SecretUnreadable(context, 'it is not in the sealed form');
    const [, id = '', nonce = '', body = ''] = match;
    const key = this.keys.get(id);
    if (!key) throw new SecretUnreadable(context, `it was sealed with key ${id}, but the key file holds ${[...this.keys.keys()].join(', ')}`);
    const bytes = Buffer.from(body, 'base64url');
    const decipher = createDecipheriv('aes-256-gcm', key, Buffer.from(nonce, 'base64url'), { authTagLength: TAG_BYTES });
    decipher.setAAD(additionalData(id, context));
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      return Buffer.concat([decipher.update(bytes.subarray(0, -TAG_BYTES)), decipher.final()]).toString('utf8');
    } catch {
      throw new SecretUnreadable(context, 'the sealed text was changed or belongs to another place');
    }
  }
}

function additionalData(id: string, context: string): Buffer {
  return Buffer.from(`v1.${id}\n${context}`, 'utf8');
}

/** Eight characters that name a key and reveal nothing of it. */
function keyId(key: Buffer): string {
  return createHmac('sha256', key).update('tidegate key id').digest().subarray(0, 6).toString('base64url');
}
