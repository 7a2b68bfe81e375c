import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadSettings, SettingsInvalid } from './load-settings.js';
import { redactedSettings, SETTING_FIELDS } from './settings-fields.js';
import { settingsFrom } from './settings.js';

let directory: string;
beforeAll(() => { directory = mkdtempSync(join(tmpdir(), 'tidegate-settings-')); });
afterAll(() => rmSync(directory, { recursive: true }));

let files = 0;
function yaml(text: string): string {
  const path = join(directory, `settings-${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

/** The lines of the faults; fails when the settings are fine. */
function faults(environment: Record<string, string>): string[] {
  try {
    loadSettings(environment);
  } catch (error) {
    if (!(error instanceof SettingsInvalid)) throw error;
    for (const { line } of error.faults) expect(line).not.toMatch(/[\r\n]/);
    return error.faults.map((fault) => fault.line);
  }
  throw new Error('the settings were accepted');
}

describe('names of settings', () => {
  it('give the environment variables that others rely on', () => {
    const variables = new Map(SETTING_FIELDS.map((field) => [field.key, field.environmentVariable]));
    expect(Object.fromEntries(['dataDir', 'http.port', 'http.host', 'eventLog.retentionHours', 'kafka.brokers', 'mongodb.uri', 'engine.pool', 'tls.cert', 'tls.key', 'secretKeyFile', 'admin.password', 'roles'].map((key) => [key, variables.get(key)]))).toEqual({
      dataDir: 'TIDEGATE_DATA_DIR', 'http.port': 'TIDEGATE_HTTP_PORT', 'http.host': 'TIDEGATE_HTTP_HOST', 'eventLog.retentionHours': 'TIDEGATE_EVENT_LOG_RETENTION_HOURS', 'kafka.brokers': 'TIDEGATE_KAFKA_BROKERS',
      'mongodb.uri': 'TIDEGATE_MONGODB_URI', 'engine.pool': 'TIDEGATE_ENGINE_POOL', 'tls.cert': 'TIDEGATE_TLS_CERT', 'tls.key': 'TIDEGATE_TLS_KEY', secretKeyFile: 'TIDEGATE_SECRET_KEY_FILE', 'admin.password': 'TIDEGATE_ADMIN_PASSWORD', roles: 'TIDEGATE_ROLES',
    });
  });

  it('never give one variable to two settings, nor take a name that is no setting', () => {
    const variables = SETTING_FIELDS.flatMap((field) => [field.environmentVariable, ...(field.secret ? [`${field.environmentVariable}_FILE`] : [])]);
    expect(new Set(variables).size).toBe(variables.length);
    expect(variables.filter((name) => /^TIDEGATE_(CONFIG$|TEST_|DEMO_)/.test(name))).toEqual([]);
  });
});

describe('loadSettings', () => {
  it('answers the defaults when nothing is said', () => {
    expect(loadSettings({})).toEqual(settingsFrom());
    expect(loadSettings({ TIDEGATE_CONFIG: yaml('# only comments\n') })).toEqual(settingsFrom());
  });

  it('takes the file, then the environment, each value by its kind', () => {
    const file = yaml('http:\n  port: 4000\n  host: 0.0.0.0\nroles: [api]\nkafka:\n  brokers: [one:9092]\neventLog:\n  retentionHours: 1.5\n');
    const settings = loadSettings({ TIDEGATE_CONFIG: file, TIDEGATE_HTTP_PORT: '4100', TIDEGATE_ROLES: 'api, engine', TIDEGATE_INTAKE_DUPLICATE_WINDOW_HOURS: '0.5' });
    expect(settings.http).toMatchObject({ port: 4100, host: '0.0.0.0' });
    expect(settings.roles).toEqual(['api', 'engine']);
    expect(settings.kafka.brokers).toEqual(['one:9092']);
    expect(settings.eventLog.retentionHours).toBe(1.5);
    expect(settings.intake.duplicateWindowHours).toBe(0.5);
  });

  it('counts an empty variable and a key without a value as not set', () => {
    expect(loadSettings({ TIDEGATE_CONFIG: yaml('http:\nlog:\n  level:\n'), TIDEGATE_HTTP_PORT: '', TIDEGATE_TLS_CERT: '' })).toEqual(settingsFrom());
  });

  it('leaves other variables, and those of tests and the demo, alone', () => {
    expect(loadSettings({ PATH: '/bin', TIDEGATE_TEST_SET: 'peer', TIDEGATE_DEMO_SECONDS: '3', OTHER_TIDEGATE_X: '1' })).toEqual(settingsFrom());
  });

  it('reads a secret from a file and strips the last line break only', () => {
    const file = yaml('a long password \n');
    expect(loadSettings({ TIDEGATE_ADMIN_PASSWORD_FILE: file }).admin.password).toBe('a long password ');
    expect(faults({ TIDEGATE_ADMIN_PASSWORD_FILE: file, TIDEGATE_ADMIN_PASSWORD: 'another one' })).toEqual(['admin.password: both TIDEGATE_ADMIN_PASSWORD and TIDEGATE_ADMIN_PASSWORD_FILE are set; keep one of them']);
    expect(faults({ TIDEGATE_ADMIN_PASSWORD_FILE: join(directory, 'absent') })[0]).toMatch(/^admin\.password: the file ".*absent" in TIDEGATE_ADMIN_PASSWORD_FILE cannot be read \(ENOENT\); correct the path/);
  });

  it.each([
    ['a port out of range', { TIDEGATE_HTTP_PORT: '70000' }, /^http\.port = 70000 \(TIDEGATE_HTTP_PORT\): .*<=65535; set TIDEGATE_HTTP_PORT or http\.port to a whole number from 0 to 65535, or remove it for the default 3000$/],
    ['a number that is none', { TIDEGATE_HTTP_PORT: '80 80' }, /^http\.port = "80 80" \(TIDEGATE_HTTP_PORT\): is not a whole number from 0 to 65535; set /],
    ['a hexadecimal number', { TIDEGATE_HTTP_PORT: '0x50' }, /^http\.port = "0x50"/],
    ['a fraction where a whole number is wanted', { TIDEGATE_HTTP_PORT: '80.5' }, /^http\.port = 80\.5 .*int/],
    ['a word outside the choice', { TIDEGATE_LOG_LEVEL: 'loud' }, /^log\.level = "loud" .*one of debug, info, warn, error, silent/],
    ['a list item outside the choice', { TIDEGATE_ROLES: 'api,cook' }, /^roles\.1 = "cook" \(TIDEGATE_ROLES\): .*from api, engine, mitigation/],
    ['a pattern not matched', { TIDEGATE_ENGINE_POOL: 'Über' }, /^engine\.pool = "Über" .*matches/],
    ['a value with line breaks', { TIDEGATE_ENGINE_POOL: 'a\nforged = line' }, /^engine\.pool = "a\\nforged = line"/],
    ['an unknown variable close to a known one', { TIDEGATE_HTP_PORT: '1' }, /^TIDEGATE_HTP_PORT: is not a setting; did you mean TIDEGATE_HTTP_PORT\?/],
    ['an unknown variable far from all', { TIDEGATE_FLUX_CAPACITOR_GIGAWATTS: '1' }, /^TIDEGATE_FLUX_CAPACITOR_GIGAWATTS: is not a setting; remove it;/],
    ['a _FILE variable of what is no secret', { TIDEGATE_HTTP_PORT_FILE: '/x' }, /^TIDEGATE_HTTP_PORT_FILE: is not a setting/],
    ['half a TLS pair', { TIDEGATE_TLS_CERT: '/c.pem' }, /^tls\.key = not set: is missing while tls\.cert is set; set both/],
    ['the other half of a TLS pair', { TIDEGATE_TLS_KEY: '/k.pem' }, /^tls\.cert = not set: is missing while tls\.key is set; set both/],
    ['a log that is full before retention begins', { TIDEGATE_EVENT_LOG_FULL_BYTES: '2000000' }, /^eventLog\.fullBytes = 2000000 .*eventLog\.retentionBytes/],
    ['an absent file', { TIDEGATE_CONFIG: '/nowhere/t.yaml' }, /^TIDEGATE_CONFIG = "\/nowhere\/t\.yaml": the file cannot be read \(ENOENT\); correct the path/],
  ])('refuses %s', (_name, environment: Record<string, string>, expected) => {
    const lines = faults(environment);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(expected);
  });

  it.each([
    ['an unknown key, with its line', 'http:\n  port: 1\n  prot: 2\n', /^http\.prot \(.*\.yaml line 3\): is not a setting; did you mean http\.port\?/],
    ['an unknown section', 'htpp:\n  port: 1\n', /^htpp \(.* line 1\): is not a setting/],
    ['a value where a section belongs', 'http: 3000\n', /^http = 3000 \(.* line 1\): is a section, not a value; .*http\.host/],
    ['text where a number belongs', 'http:\n  port: "80"\n', /^http\.port = "80" \(.* line 2\): .*expected number/],
    ['a list as the whole file', '- a\n', /must hold settings as `key: value`, but is a list/],
    ['broken YAML, with its place', 'http:\n  port: [1\n', /line \d+, column \d+: .*; correct the YAML there/],
    ['the same key twice', 'log:\n  level: info\nlog:\n  level: warn\n', /line 3, column 1: Map keys must be unique/],
  ])('refuses a file with %s', (_name, text, expected) => {
    const lines = faults({ TIDEGATE_CONFIG: yaml(text) });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(expected);
  });

  it('tells every fault at once', () => {
    const lines = faults({ TIDEGATE_CONFIG: yaml('htpp: 1\nlog:\n  level: loud\n'), TIDEGATE_HTTP_PORT: 'x', TIDEGATE_NOPE: '1', TIDEGATE_ENGINE_STOP_GRACE_MS: '-1' });
    expect(lines).toHaveLength(5);
  });

  it('never shows a secret in a fault', () => {
    const lines = faults({ TIDEGATE_ADMIN_PASSWORD: 'short', TIDEGATE_CONFIG: yaml('mongodb:\n  uri: {user: hunter2}\n') });
    expect(lines).toHaveLength(2);
    expect(lines.join('\n')).not.toMatch(/short"|hunter2/);
    expect(lines.join('\n')).toMatch(/admin\.password = \[redacted\] \(TIDEGATE_ADMIN_PASSWORD\)/);
  });
});

describe('redactedSettings', () => {
  it('hides secrets that are set, keeps the rest and leaves the settings as they are', () => {
    const settings = settingsFrom({ admin: { password: 'correct horse' }, mongodb: { uri: 'mongodb://u:p@h/' } });
    const printed = redactedSettings(settings);
    expect(printed).toMatchObject({ admin: { password: '[redacted]' }, mongodb: { uri: '[redacted]' }, http: { port: 3000 } });
    expect(settings.admin.password).toBe('correct horse');
    expect(redactedSettings(settingsFrom())).toMatchObject({ admin: {}, mongodb: { uri: '' } });
  });
});
