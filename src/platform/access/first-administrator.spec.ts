import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import request from 'supertest';
import { basic, openTestApplication, type TestApplication } from '../../../test/support/application.js';
import { openTestDocuments } from '../../../test/support/documents.js';
import { silentLog, type Log } from '../../contracts/log.js';
import type { DocumentStore } from '../documents/document-store.js';
import { handOverByTerminalOrFile } from './credentials-handover.js';
import type { FirstCredentials } from './first-administrator.js';

const run = promisify(execFile);
const child = fileURLToPath(new URL('../../../test/support/first-administrator-child.js', import.meta.url));

describe('the first administrator', () => {
  let documents: DocumentStore;
  let told: FirstCredentials[];
  let applications: TestApplication[];
  beforeEach(async () => {
    documents = await openTestDocuments();
    told = [];
    applications = [];
  });
  afterEach(async () => {
    for (const application of applications) await application.close();
    await documents.close();
  });

  const start = async (options: { password?: string; roles?: Array<'api' | 'engine' | 'mitigation'>; now?: () => number; tell?: (credentials: FirstCredentials) => Promise<void>; log?: Log } = {}) => {
    const application = await openTestApplication({
      documents, log: options.log, clock: options.now ? { now: options.now } : undefined,
      settings: { admin: options.password === undefined ? {} : { password: options.password }, roles: options.roles },
      handOver: options.tell ?? (async (credentials) => void told.push(credentials)),
    });
    applications.push(application);
    return application;
  };
  const login = ({ url }: TestApplication, { name, password }: FirstCredentials) => request(url).get('/api/v1/users').set('Authorization', basic(name, password));
  /** Where the store of the test listens, for other processes: a host with port, or the socket of the embedded one. */
  const uri = () => `mongodb://${documents.connection.getClient().options.hosts.map(({ socketPath, host, port }) => (socketPath === undefined ? `${host}:${port}` : encodeURIComponent(socketPath))).join()}/?directConnection=true`;
  const users = () => documents.connection.collection('users').find({ deletedAt: null }).toArray();

  it('is made at the very first start with a password that is told once, and has every right', async () => {
    const application = await start();
    expect(told).toHaveLength(1);
    expect(told[0]?.name).toBe('admin');
    expect(told[0]?.password).toMatch(/^[\w-]{24,}$/);
    expect((await login(application, told[0] as FirstCredentials).expect(200)).body).toMatchObject({ items: [{ name: 'admin', roles: ['administrator'] }] });
    await start();
    expect(told).toHaveLength(1);
    expect(await users()).toHaveLength(1);
  });

  it('has the password of the settings, which is told to nobody and does not replace a later one', async () => {
    const application = await start({ password: 'from the settings' });
    await login(application, { name: 'admin', password: 'from the settings' }).expect(200);
    await login(await start({ password: 'another one' }), { name: 'admin', password: 'another one' }).expect(401);
    expect(told).toEqual([]);
  });

  it('is not changed by a setting that comes later, and the log says so to whoever wonders', async () => {
    const lines: string[] = [];
    const log: Log = { ...silentLog, warn: (_facts: unknown, message?: string) => void lines.push(message ?? ''), child: () => log };
    await start({ password: 'from the settings', log });
    await start({ password: 'from the settings', log });
    expect(lines).toEqual([]);
    await start({ password: 'another one', log });
    expect(lines).toEqual([expect.stringContaining('admin.password is not the password of this user')]);
    expect(lines.join()).not.toContain('another one');
  });

  it('is not made again when it was deleted after another took over', async () => {
    const application = await start({ password: 'from the settings' });
    const admin = { name: 'admin', password: 'from the settings' };
    await request(application.url).post('/api/v1/users').set('Authorization', basic(admin.name, admin.password)).send({ name: 'heir', password: 'long enough', roles: ['administrator'] }).expect(201);
    const [{ _id } = { _id: '' }] = (await users()).filter(({ name }) => name === 'admin');
    await request(application.url).delete(`/api/v1/users/${String(_id)}`).set('Authorization', basic('heir', 'long enough')).expect(200);
    await start();
    expect((await users()).map(({ name }) => name as string)).toEqual(['heir']);
    expect(told).toEqual([]);
  });

  it('is left to a process that has the role api', async () => {
    await start({ roles: ['engine'] });
    expect(await users()).toEqual([]);
  });

  it('never shows its password in the log', async () => {
    const lines: string[] = [];
    const write = (facts: object, message: string) => void lines.push(JSON.stringify(facts) + message);
    const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
    await start({ log });
    expect(lines.join('\n')).toContain('the first administrator was made');
    expect(lines.join('\n')).not.toContain(told[0]?.password ?? 'nobody was told');
    expect(silentLog).not.toBe(log);
  });

  it('is handed over by a file in the data directory where nothing else is said and there is no terminal', async () => {
    const parent = mkdtempSync(join(tmpdir(), 'tidegate-first-'));
    const terminal = Object.getOwnPropertyDescriptor(process.stdout, 'isTTY');
    Object.defineProperty(process.stdout, 'isTTY', { value: false, configurable: true });
    try {
      const application = await openTestApplication({ documents, settings: { admin: {}, dataDir: join(parent, 'data') } });
      applications.push(application);
      const [name = '', password = ''] = readFileSync(join(parent, 'data', 'admin-password.txt'), 'utf8').split('\n');
      await login(application, { name, password }).expect(200);
      expect(await users()).toMatchObject([{ name: 'admin', handover: null }]);
    } finally {
      if (terminal) Object.defineProperty(process.stdout, 'isTTY', terminal);
      else Reflect.deleteProperty(process.stdout, 'isTTY');
      rmSync(parent, { recursive: true });
    }
  });

  it('is one when several processes start at once, and only the one that made it tells a password that works', async () => {
    const outputs = await Promise.all(Array.from({ length: 4 }, () => run(process.execPath, [child, uri(), documents.connection.name, 'tell'])));
    const credentials = outputs.flatMap(({ stdout }) => JSON.parse(stdout) as FirstCredentials[]);
    expect(credentials).toHaveLength(1);
    expect(await users()).toHaveLength(1);
    await login(await start(), credentials[0] as FirstCredentials).expect(200);
  });

  it('gets another password when the process died before anybody was told the first', async () => {
    await expect(run(process.execPath, [child, uri(), documents.connection.name, 'die'])).rejects.toMatchObject({ signal: 'SIGKILL' });
    expect(await users()).toMatchObject([{ name: 'admin', handover: { since: expect.anything() } }]);
    await start();
    expect(told).toEqual([]);
    const later = () => Date.now() + 61_000;
    const application = await start({ now: later });
    expect(told).toHaveLength(1);
    await login(application, told[0] as FirstCredentials).expect(200);
    await start({ now: later });
    expect(told).toHaveLength(1);
  });
});

describe('handing over the first password', () => {
  let dataDir: string;
  beforeEach(() => { dataDir = mkdtempSync(join(tmpdir(), 'tidegate-handover-')); });
  afterEach(() => rmSync(dataDir, { recursive: true }));

  it('prints it at a terminal and writes no file', async () => {
    const printed: string[] = [];
    await handOverByTerminalOrFile(dataDir, { isTTY: true, write: (text) => printed.push(text) > 0 }, silentLog)({ name: 'admin', password: 'made-password' });
    expect(printed.join('')).toMatch(/user +admin\n +password +made-password\n/);
    expect(readdirSync(dataDir)).toEqual([]);
  });

  it('writes it to a file for the owner alone where there is no terminal, and logs only the path', async () => {
    const lines: string[] = [];
    const log: Log = { ...silentLog, info: (facts, message) => void lines.push(JSON.stringify(facts) + message) };
    const printed: string[] = [];
    const handOver = handOverByTerminalOrFile(dataDir, { write: (text) => printed.push(text) > 0 }, log);
    await handOver({ name: 'admin', password: 'made-password' });
    await handOver({ name: 'admin', password: 'made-again' });
    const path = join(dataDir, 'admin-password.txt');
    expect(readFileSync(path, 'utf8')).toBe('admin\nmade-again\n');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(dataDir)).toEqual(['admin-password.txt']);
    expect(printed).toEqual([]);
    expect(lines.join()).toContain(path);
    expect(lines.join()).not.toMatch(/made-(password|again)/);
  });
});
