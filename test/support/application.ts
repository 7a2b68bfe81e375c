import { Global, Module, type DynamicModule, type Type } from '@nestjs/common';
import { ConfigModule } from '../../src/config/config.module.js';
import { settingsFrom, type SettingsInput } from '../../src/config/settings.js';
import { systemClock, type Clock } from '../../src/contracts/clock.js';
import { LOG, silentLog, type Log } from '../../src/contracts/log.js';
import { AccessModule } from '../../src/platform/access/access.module.js';
import type { CredentialsHandover } from '../../src/platform/access/first-administrator.js';
import type { Right } from '../../src/platform/access/rights.js';
import { UsersService } from '../../src/platform/access/users.service.js';
import { systemActor } from '../../src/platform/audit/new-audit-record.js';
import { AuditModule } from '../../src/platform/audit/audit.module.js';
import { DocumentStore } from '../../src/platform/documents/document-store.js';
import { createHttpApplication, type HttpApplication } from '../../src/platform/http/create-http-application.js';
import { JobsModule } from '../../src/platform/jobs/jobs.module.js';
import { openTestDocuments } from './documents.js';

export const TEST_PASSWORD = 'a-password-for-tests';

export interface TestApplicationOptions {
  settings?: SettingsInput;
  imports?: Array<Type<unknown> | DynamicModule>;
  controllers?: Array<Type<unknown>>;
  /** Kept open at the end when given. */
  documents?: DocumentStore;
  clock?: Clock;
  log?: Log;
  handOver?: CredentialsHandover;
  tlsPollMs?: number;
}

export interface TestApplication {
  http: HttpApplication;
  url: string;
  documents: DocumentStore;
  /** Makes a user with these rights and answers its Authorization header. */
  user(name: string, rights: readonly Right[]): Promise<string>;
  close(): Promise<void>;
}

/** `Authorization` for HTTP Basic. */
export function basic(name: string, password = TEST_PASSWORD): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** Controllers behind the real guard, filter and listener on a free port of 127.0.0.1, with a document store; `admin` has TEST_PASSWORD. */
export async function openTestApplication(options: TestApplicationOptions = {}): Promise<TestApplication> {
  const input = options.settings ?? {};
  const settings = settingsFrom({ admin: { password: TEST_PASSWORD }, ...input, http: { port: 0, stopGraceMs: 2000, ...input.http } });
  const documents = options.documents ?? (await openTestDocuments());
  const clock = options.clock ?? systemClock;
  const log = options.log ?? silentLog;
  @Global()
  @Module({ providers: [{ provide: DocumentStore, useValue: documents }, { provide: LOG, useValue: log }], exports: [DocumentStore, LOG] })
  class GroundModule {}
  @Module({
    imports: [ConfigModule.forRoot(settings, clock), GroundModule, JobsModule, AuditModule, AccessModule.forRoot(options.handOver), ...(options.imports ?? [])],
    controllers: options.controllers ?? [],
  })
  class TestModule {}
  const release = () => (options.documents ? Promise.resolve() : documents.close());
  let http: HttpApplication | undefined;
  let url: string;
  try {
    http = await createHttpApplication(TestModule, { settings, log, clock, tlsPollMs: options.tlsPollMs });
    await documents.ensureIndexes();
    url = (await http.listen()).url;
  } catch (error) {
    await http?.close();
    await release();
    throw error;
  }
  const application = http;
  return {
    http: application, url, documents,
    async user(name, rights) {
      const outcome = await application.app.get(UsersService, { strict: false }).create({ name, password: TEST_PASSWORD, roles: [], rights, disabled: false }, systemActor('test'));
      if (outcome.type !== 'created') throw new Error(`user ${name}: ${outcome.type}`);
      return basic(name);
    },
    async close() {
      await application.close();
      await release();
    },
  };
}
