import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { settingsFrom, type SettingsInput } from '../../src/config/settings.js';
import { PinoLog } from '../../src/platform/telemetry/pino-log.js';
import { startService, type RunningService } from '../../src/service.js';
import { enginesSettings, TEST_BROKERS } from './engines-environment.js';

export const ADMIN_PASSWORD = 'a-password-for-tests';
const AUTHORIZATION = `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`;


/** A small client with the administrator's credentials. */
export class Client {
  constructor(
    readonly url: string,
    private readonly authorization = AUTHORIZATION,
  ) {}

  async call<T = Record<string, unknown>>(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<{ status: number; headers: Headers; body: T }> {
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: { authorization: this.authorization, ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
      signal: AbortSignal.timeout(30_000),
    });
    const text = await response.text();
    return { status: response.status, headers: response.headers, body: (text === '' ? {} : JSON.parse(text)) as T };
  }

  /** As `call`, and throws unless the status is 2xx. */
  async ok<T = Record<string, unknown>>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await this.call<T>(method, path, body);
    if (answer.status < 200 || answer.status > 299) throw new Error(`${method} ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
    return answer.body;
  }

  /** Creates an integration and enables it. */
  async integrate(settings: Record<string, unknown>): Promise<string> {
    const { id } = await this.ok<{ id: string }>('POST', '/api/v1/integrations', settings);
    await this.ok('POST', `/api/v1/integrations/${id}/enable`);
    return id;
  }
}

export interface TestService {
  client: Client;
  service: RunningService;
  dataDir: string;
  /** Stops it in order; the data stays. */
  stop(): Promise<void>;
  /** Starts it again on the same data. */
  restart(changes?: SettingsInput): Promise<void>;
  /** Stops it and removes the data. */
  end(): Promise<void>;
}

/** The whole service in this process on a free port of 127.0.0.1, its data in a directory of its own. */
export async function startTestService(input: SettingsInput = {}): Promise<TestService> {
  const dataDir = mkdtempSync(join(tmpdir(), 'tidegate-test-'));
  const engines = enginesSettings(input.eventLog?.partitions);
  const start = (changes: SettingsInput = {}) => {
    const settings = settingsFrom({
      ...engines, ...input, ...changes, dataDir, admin: { password: ADMIN_PASSWORD }, log: { level: process.env['TIDEGATE_TEST_LOG'] === undefined ? 'silent' : 'debug' },
      http: { port: 0, ...input.http }, engine: { heartbeatMs: 200, commitIntervalMs: 200, ...input.engine, ...changes.engine },
    });
    return startService(settings, PinoLog.create(settings));
  };
  const service = await start();
  const test: TestService = {
    service,
    client: new Client(service.url),
    dataDir,
    stop: () => test.service.application.close(),
    async restart(changes) {
      await test.stop();
      test.service = await start(changes);
      test.client = new Client(test.service.url);
    },
    async end() {
      await test.stop();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
  return test;
}

/** Where groups are joined first and documents lie with a server of another pace. */
const PATIENCE = TEST_BROKERS.length > 0 ? 3 : 1;

/** Waits until a condition holds. @throws after the limit, with what was expected */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>, usualLimitMs = 15_000): Promise<void> {
  const limitMs = usualLimitMs * PATIENCE;
  const giveUpAt = performance.now() + limitMs;
  while (!(await condition())) {
    if (performance.now() > giveUpAt) throw new Error(`not within ${limitMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Events as a producer sends them: `count` of them spread over some subjects, with ids `<prefix>-<n>`. */
export function producerEvents(prefix: string, count: number, subjects = 7): Array<Record<string, unknown>> {
  return Array.from({ length: count }, (_, index) => ({
    id: `${prefix}-${index}`,
    type: 'account.provisioned',
    occurredAt: '2026-11-02T10:11:12.345Z',
    actor: { kind: 'user', id: 'u-1', name: 'Ada Admin', ip: '192.0.2.7' },
    subject: { kind: 'account', id: `acc-${index % subjects}`, name: `CN=User ${index % subjects},OU=London,DC=example,DC=com` },
    attributes: { domain: 'example.com', request: `REQ-${index}`, number: index },
  }));
}
