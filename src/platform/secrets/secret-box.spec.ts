import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SecretUnreadable } from '../../contracts/secrets.js';
import { KeyFileRefused } from './key-file.js';
import { SecretBox } from './secret-box.js';

const built = fileURLToPath(new URL('../../../dist/platform/secrets/secret-box.js', import.meta.url));
const key = () => randomBytes(32);

describe('SecretBox', () => {
  it('opens what it sealed, whatever the text', () => {
    const box = new SecretBox([key()]);
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), fc.string(), (plain, context) => {
      expect(box.open(box.seal(plain, context), context)).toBe(plain);
    }));
  });

  it('seals the same text differently each time, in a printable form that names its key', () => {
    const box = new SecretBox([key()]);
    const sealed = [box.seal('hunter2', 'a'), box.seal('hunter2', 'a')];
    expect(sealed[0]).not.toBe(sealed[1]);
    expect(sealed[0]).toMatch(new RegExp(`^v1\\.${box.sealingKeyId}\\.[A-Za-z0-9_-]{16}\\.[A-Za-z0-9_-]+$`));
    expect(sealed[0]).not.toContain('hunter2');
  });

  it('does not open what was moved to another place', () => {
    const box = new SecretBox([key()]);
    const sealed = box.seal('secret', 'integration:1:tls.key');
    expect(() => box.open(sealed, 'integration:2:tls.key')).toThrow(SecretUnreadable);
    expect(() => box.open(sealed, 'integration:2:tls.key')).toThrow(/integration:2:tls\.key cannot be read: the sealed text was changed or belongs to another place/);
  });

  it('does not open what was changed in any character or cut', () => {
    const box = new SecretBox([key()]);
    const sealed = box.seal('a secret', 'place');
    for (let index = 0; index < sealed.length - 1; index++) {
      const changed = `${sealed.slice(0, index)}${sealed[index] === 'A' ? 'B' : 'A'}${sealed.slice(index + 1)}`;
      expect(() => box.open(changed, 'place')).toThrow(SecretUnreadable);
      expect(() => box.open(sealed.slice(0, index), 'place')).toThrow(SecretUnreadable);
    }
    for (const text of ['', 'plain', 'v1...', `${sealed}.x`]) expect(() => box.open(text, 'place')).toThrow(/not in the sealed form/);
  });

  it('names both keys when another key sealed the text, and never the text', () => {
    const [mine, other] = [new SecretBox([key()]), new SecretBox([key()])];
    expect(() => mine.open(other.seal('hunter2', 'p'), 'p')).toThrow(`it was sealed with key ${other.sealingKeyId}, but the key file holds ${mine.sealingKeyId}`);
  });

  it('opens with an older key while a newer one seals', () => {
    const [old, fresh] = [key(), key()];
    const sealed = new SecretBox([old]).seal('secret', 'p');
    const box = new SecretBox([fresh, old]);
    expect(box.open(sealed, 'p')).toBe('secret');
    expect(new SecretBox([fresh]).open(box.seal('secret', 'p'), 'p')).toBe('secret');
  });
});

describe('the key file', () => {
  let parent: string;
  let dataDir: string;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'tidegate-secrets-'));
    dataDir = join(parent, 'data');
  });
  afterEach(() => rmSync(parent, { recursive: true }));

  it('is made once with mode 0600 and kept, so that a restart opens what was sealed before', () => {
    const sealed = SecretBox.fromSettings({ dataDir }).seal('secret', 'p');
    expect(statSync(join(dataDir, 'secret.key')).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['secret.key']);
    expect(SecretBox.fromSettings({ dataDir }).open(sealed, 'p')).toBe('secret');
  });

  it('is one and the same for processes that start at once', async () => {
    const script = `import { SecretBox } from ${JSON.stringify(`file://${built}`)}; process.stdout.write(SecretBox.fromSettings({ dataDir: ${JSON.stringify(dataDir)} }).seal('secret', 'p'));`;
    const sealed = await Promise.all(Array.from({ length: 6 }, () => promisify(execFile)(process.execPath, ['--input-type=module', '-e', script])));
    const box = SecretBox.fromSettings({ dataDir });
    expect(sealed.map(({ stdout }) => box.open(stdout, 'p'))).toEqual(Array(6).fill('secret'));
    expect(readdirSync(dataDir)).toEqual(['secret.key']);
  });

  it.each([0o640, 0o604, 0o644, 0o660])('is refused with mode %o', (mode) => {
    SecretBox.fromSettings({ dataDir });
    chmodSync(join(dataDir, 'secret.key'), mode);
    expect(() => SecretBox.fromSettings({ dataDir })).toThrow(KeyFileRefused);
    expect(() => SecretBox.fromSettings({ dataDir })).toThrow(`chmod 600 ${join(dataDir, 'secret.key')}`);
  });

  it('may be given by the settings, in base64 or base64url, with comments', () => {
    const raw = key();
    const [standard, url] = [join(parent, 'standard'), join(parent, 'url')];
    writeFileSync(standard, `# made by hand\n${raw.toString('base64')}\n`, { mode: 0o600 });
    writeFileSync(url, raw.toString('base64url'), { mode: 0o600 });
    const sealed = SecretBox.fromSettings({ dataDir, secretKeyFile: standard }).seal('secret', 'p');
    expect(SecretBox.fromSettings({ dataDir, secretKeyFile: url }).open(sealed, 'p')).toBe('secret');
  });

  it('is never made in the place that the settings name: a lost key must not be replaced in silence', () => {
    expect(() => SecretBox.fromSettings({ dataDir, secretKeyFile: join(parent, 'lost') })).toThrow(/cannot be read \(ENOENT\).*openssl rand -base64 32/);
    mkdirSync(join(parent, 'folder'), { mode: 0o700 });
    expect(() => SecretBox.fromSettings({ dataDir, secretKeyFile: join(parent, 'folder') })).toThrow(/is not a file/);
  });

  it.each(['', '# nothing\n', 'too short\n', `${'A'.repeat(42)}\n`, `${'A'.repeat(64)}\n`])('is refused, and left as it is, when it holds %j', (text) => {
    mkdirSync(dataDir, { mode: 0o700 });
    writeFileSync(join(dataDir, 'secret.key'), text, { mode: 0o600 });
    expect(() => SecretBox.fromSettings({ dataDir })).toThrow(KeyFileRefused);
    expect(readFileSync(join(dataDir, 'secret.key'), 'utf8')).toBe(text);
  });
});
