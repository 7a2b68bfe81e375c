import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { settingsFrom, type SettingsInput } from '../../src/config/settings.js';
import { systemClock } from '../../src/contracts/clock.js';
import { silentLog } from '../../src/contracts/log.js';
import { kafkaEventLog } from '../../src/platform/event-log/event-log.module.js';
import type { KafkaEventLog } from '../../src/platform/event-log/kafka/kafka-event-log.js';
import { append, nextWithRecords, record, text } from '../contract/event-log/event-log.contract.js';
import { TestAuthority, testCertificates, type TestCertificate } from '../support/certificates.js';
import { kafkaMissing, startKafka, type SecuredPorts, type TestKafka } from '../support/kafka.js';

const missing = await kafkaMissing();
if (missing !== undefined && process.env['CI']) throw new Error(`Kafka cannot be started: ${missing}`);
if (missing !== undefined) console.warn(`skipped: ${missing}`);

const SLOW_MS = 90_000;
const AT_A_TIME = 5;
const USER = { username: 'tidegate', password: 'a-secret-of-tests' };

(missing === undefined ? describe : describe.skip)('connecting to Kafka with TLS and logins', () => {
  let kafka: TestKafka;
  let ports: SecuredPorts;
  let directory: string;
  let client: TestCertificate;
  const opened: KafkaEventLog[] = [];
  const file = (name: string) => join(directory, name);

  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'tidegate-kafka-security-'));
    const { authority, client: issued } = await testCertificates();
    const server = await authority.issue({ commonName: 'broker.test', ips: ['127.0.0.1'] });
    client = issued;
    const stranger = await TestAuthority.create('Another Authority');
    const unknown = await stranger.issue({ commonName: 'unknown', usage: 'client' });
    writeFileSync(file('ca.pem'), authority.certificate);
    writeFileSync(file('other-ca.pem'), stranger.certificate);
    writeFileSync(file('client.pem'), client.certificate);
    writeFileSync(file('client.key'), client.key);
    writeFileSync(file('unknown.pem'), unknown.certificate);
    writeFileSync(file('unknown.key'), unknown.key);
    writeFileSync(file('no.pem'), 'no certificate');
    writeFileSync(file('secret.key'), `${Buffer.alloc(32, 7).toString('base64')}\n`, { mode: 0o600 });
    kafka = await startKafka(1, { authority: authority.certificate, certificate: server.certificate, key: server.key, ...USER });
    if (!kafka.secured) throw new Error('the broker has no secured ports');
    ports = kafka.secured;
  }, 240_000);
  afterAll(async () => {
    await Promise.all(opened.map((log) => log.close()));
    await kafka?.stop();
    rmSync(directory, { recursive: true, force: true });
  }, 60_000);

  const settings = (broker: string, more: SettingsInput['kafka'] = {}) =>
    settingsFrom({ dataDir: directory, secretKeyFile: file('secret.key'), kafka: { brokers: [broker], topic: 'secured', partitions: 2, replicationFactor: 1, minInSyncReplicas: 1, ...more } });
  const open = async (broker: string, more: SettingsInput['kafka'] = {}): Promise<KafkaEventLog> => {
    const log = await kafkaEventLog(settings(broker, more), systemClock, silentLog);
    opened.push(log);
    await log.open();
    return log;
  };
  const tls = () => ({ enabled: true, caFile: file('ca.pem') });

  describe('works', () => {
    const ways: Array<[string, () => [string, SettingsInput['kafka']]]> = [
      ['with TLS', () => [ports.tls, { tls: tls() }]],
      ['with TLS and a client certificate', () => [ports.mutualTls, { tls: { ...tls(), certFile: file('client.pem'), keyFile: file('client.key') } }]],
      ['by PLAIN over TLS', () => [ports.saslTls, { tls: tls(), sasl: { mechanism: 'plain', ...USER } }]],
      ['by SCRAM-SHA-256 over TLS', () => [ports.saslTls, { tls: tls(), sasl: { mechanism: 'scram-sha-256', ...USER } }]],
      ['by SCRAM-SHA-512 over TLS', () => [ports.saslTls, { tls: tls(), sasl: { mechanism: 'scram-sha-512', ...USER } }]],
      ['by SCRAM-SHA-512 without TLS', () => [ports.sasl, { sasl: { mechanism: 'scram-sha-512', ...USER } }]],
    ];
    it.each(ways)('%s: events are appended and read', async (name, way) => {
      const log = await open(...way());
      expect(await log.health()).toEqual({ ok: true });
      const [place] = await append(log, [record('k', name)]);
      const reader = await log.openReader(place?.partition ?? 0, place?.offset ?? 0, `check-${opened.length}`);
      expect(text((await nextWithRecords(reader)).records[0])).toBe(`k:${name}`);
      await reader.close();
      await log.close();
    }, SLOW_MS);
  });

  describe('is refused at the start, with the key and the fix, when', () => {
    const wrong: Array<[string, () => [string, SettingsInput['kafka']], RegExp]> = [
      ['the password of PLAIN is wrong', () => [ports.saslTls, { tls: tls(), sasl: { mechanism: 'plain', ...USER, password: 'wrong' } }], /refused kafka\.sasl\.username tidegate or its password by plain: set TIDEGATE_KAFKA_SASL_USERNAME and TIDEGATE_KAFKA_SASL_PASSWORD/],
      ['the password of SCRAM-SHA-256 is wrong', () => [ports.saslTls, { tls: tls(), sasl: { mechanism: 'scram-sha-256', ...USER, password: 'wrong' } }], /refused kafka\.sasl\.username tidegate .* scram-sha-256/],
      ['the password of SCRAM-SHA-512 is wrong', () => [ports.sasl, { sasl: { mechanism: 'scram-sha-512', ...USER, password: 'wrong' } }], /refused kafka\.sasl\.username tidegate .* scram-sha-512/],
      ['the user is unknown', () => [ports.saslTls, { tls: tls(), sasl: { mechanism: 'scram-sha-512', ...USER, username: 'nobody' } }], /refused kafka\.sasl\.username nobody/],
      ['the broker does not offer the mechanism', () => [ports.sasl, { sasl: { mechanism: 'plain', ...USER } }], /do not take kafka\.sasl\.mechanism plain: set TIDEGATE_KAFKA_SASL_MECHANISM/],
      ['the broker wants no login', () => [ports.tls, { tls: tls(), sasl: { mechanism: 'plain', ...USER } }], /want no login on this port: set kafka\.sasl\.mechanism to none/],
      ['the authority of the broker is unknown', () => [ports.tls, { tls: { enabled: true } }], /not of an authority that is trusted: set kafka\.tls\.caFile/],
      ['the authority is another one', () => [ports.tls, { tls: { enabled: true, caFile: file('other-ca.pem') } }], /set kafka\.tls\.caFile/],
      ['the certificate is for another name', () => [ports.tls.replace('127.0.0.1', 'localhost'), { tls: tls() }], /not for the names in kafka\.brokers \(localhost:\d+\): connect by a name that it holds/],
      ['the client certificate is missing', () => [ports.mutualTls, { tls: tls() }], /want a client certificate: set kafka\.tls\.certFile and kafka\.tls\.keyFile/],
      ['the client certificate is of an authority that the broker does not know', () => [ports.mutualTls, { tls: { ...tls(), certFile: file('unknown.pem'), keyFile: file('unknown.key') } }], /do not take the client certificate of kafka\.tls\.certFile/],
      ['a file is missing', () => [ports.tls, { tls: { enabled: true, caFile: file('nowhere.pem') } }], /kafka\.tls\.caFile .*nowhere\.pem cannot be read/],
      ['a file holds no certificate', () => [ports.tls, { tls: { enabled: true, caFile: file('no.pem') } }], /kafka\.tls\.caFile .*no\.pem holds no PEM certificate/],
      ['the key is not that of the certificate', () => [ports.mutualTls, { tls: { ...tls(), certFile: file('client.pem'), keyFile: file('unknown.key') } }], /kafka\.tls\.keyFile .*unknown\.key is not the PEM private key/],
    ];
    let refusals: Array<Promise<KafkaEventLog>>;
    beforeAll(() => {
      refusals = someAtATime(wrong, ([, way]) => open(...way()));
    });
    it.each(wrong.map(([name, , words], index) => ({ name, words, index })))('$name', async ({ words, index }) => {
      await expect(refusals[index]).rejects.toThrow(words);
    }, SLOW_MS);
  });

  describe('waits and says in its health what to look at, when', () => {
    const silent: Array<[string, () => [string, SettingsInput['kafka']], RegExp]> = [
      ['TLS is off and the port wants it', () => [ports.tls, {}], /this port may want TLS \(kafka\.tls\.enabled\) or a login/],
      ['TLS is on and the port has none', () => [kafka.brokers[0] ?? '', { tls: tls() }], /kafka\.tls\.enabled/],
      ['the login is missing', () => [ports.saslTls, { tls: tls() }], /this port may want .*a login \(kafka\.sasl\.mechanism\)/],
      ['nothing listens', () => ['127.0.0.1:1', {}], /nothing listens at kafka\.brokers \(127\.0\.0\.1:1\)/],
    ];
    let opening: Array<Promise<KafkaEventLog>>;
    beforeAll(() => {
      opening = someAtATime(silent, ([, way]) => open(...way()));
    });
    it.each(silent.map(([name, , words], index) => ({ name, words, index })))('$name', async ({ words, index }) => {
      const log = await (opening[index] ?? Promise.reject(new RangeError('not opened')));
      expect((await log.health()).reason).toMatch(words);
      expect(await log.append([record('k', 1)])).toEqual([expect.objectContaining({ type: 'unavailable', code: 'log-unreachable', reason: expect.stringMatching(words) })]);
      await log.close();
    }, SLOW_MS);
  });

  it('is refused before anybody connects when settings contradict each other', () => {
    const refusal = (more: SettingsInput['kafka']): string => {
      try {
        settings('127.0.0.1:1', more);
        return 'accepted';
      } catch (error) {
        return String(error);
      }
    };
    expect(refusal({ sasl: { mechanism: 'plain' } })).toContain('kafka.sasl.mechanism is plain');
    expect(refusal({ sasl: { username: 'me' } })).toContain('is none while kafka.sasl.username is set');
    expect(refusal({ tls: { enabled: true, certFile: 'a' } })).toContain('set both, or neither');
    expect(refusal({ tls: { caFile: 'a' } })).toContain('is false while other keys of kafka.tls are set');
  });
});

/** Does the work for each item, a few at the same time: each waits five seconds for brokers that might still think better of it. */
function someAtATime<Item, Result>(items: readonly Item[], work: (item: Item) => Promise<Result>): Array<Promise<Result>> {
  const begun: Array<Promise<Result>> = [];
  for (const [index, item] of items.entries()) {
    const before = begun[index - AT_A_TIME] ?? Promise.resolve();
    begun.push(before.then(() => work(item), () => work(item)));
  }
  for (const each of begun) each.catch(() => undefined);
  return begun;
}
