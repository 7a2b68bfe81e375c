import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { SettingsInput } from '../../src/config/settings.js';
import type { AlertType } from '../../src/model/alert.js';
import type { DocumentStore } from '../../src/platform/documents/document-store.js';
import { openTestMitigation, type TestMitigation } from './mitigation.js';

/** A processor in a process of its own, to be killed, stopped and continued. */
export class MitigationProcess {
  private child: ChildProcess | undefined;
  /** Operation ids of the calls that it began, since its start. */
  readonly calls: string[] = [];

  constructor(private readonly where: string, private readonly dbName: string, private readonly settings: SettingsInput, private readonly callMs: number) {}

  async start(): Promise<void> {
    const child = spawn(process.execPath, [fileURLToPath(new URL('./mitigation-child.js', import.meta.url)), this.where, this.dbName, JSON.stringify(this.settings), String(this.callMs)], { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    await new Promise<void>((resolve, reject) => {
      let rest = '';
      child.stdout.on('data', (chunk: Buffer) => {
        const lines = (rest + chunk.toString()).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) {
          if (line === 'ready') resolve();
          else this.calls.push(line.replace('call ', ''));
        }
      });
      child.once('exit', (code, signal) => reject(new Error(`the processor ended with ${code ?? signal}`)));
    });
  }

  signal(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

export interface MitigationKillOptions {
  alerts: number;
  /** Of each process. */
  kills: number;
  processes: number;
  /** Directory of the embedded store that all share, or address of a server. */
  where: string;
  documents: DocumentStore;
  limitMs: number;
}

export interface MitigationKillResult {
  states: Record<string, number>;
  /** Accounts by how often they were changed: `{ 1: 1000 }` is exactly once each. */
  changesOfAccounts: Record<string, number>;
  /** Records `audit.account.*` with the id of an alert, by how many an alert has. */
  recordsOfAlerts: Record<string, number>;
  /** `mitigation.alert.processed` by how many an alert has. */
  closingsOfAlerts: Record<string, number>;
  kills: number;
  /** Targets that a second process found begun. */
  takenOver: number;
  ms: number;
}

const TYPES: readonly AlertType[] = ['identity/account', 'identity/entitlement', 'identity/password'];
/** Short leases, so that what a killed process had is soon taken over. */
const SETTINGS: SettingsInput = {
  processor: { leaseMs: 1500, callTimeoutMs: 500, janitorIntervalMs: 1000, retryInitialMs: 50, retryMaxMs: 200, alertsAtOnce: 6 },
  mitigation: { intervalMs: 200, maxAttempts: 100, accountsPerHour: 10_000_000 },
};

/** Processes that share the documents work on alerts, each with an account of its own, while they are killed again and again. */
export async function mitigationKillRun({ alerts, kills, processes, where, documents, limitMs }: MitigationKillOptions): Promise<MitigationKillResult> {
  const begun = Date.now();
  const mitigation = await openTestMitigation({ documents, settings: { roles: ['api'] } });
  const ids = await prepare(mitigation, alerts);
  const running = Array.from({ length: processes }, () => new MitigationProcess(where, documents.connection.name, SETTINGS, 3));
  const closed = () => mitigation.alerts.countDocuments({ state: { $nin: ['new', 'processing'] } });
  let killed = 0;
  try {
    await Promise.all(running.map((each) => each.start()));
    await Promise.all(
      running.map(async (each, index) => {
        for (let kill = 0; kill < kills; kill += 1) {
          // Spread over the work, at another moment for each process.
          const share = (kill + 0.4 + index / processes / 2) / (kills + 1);
          while ((await closed()) < alerts * share) {
            if (Date.now() - begun > limitMs) return;
            await new Promise((resolve) => setTimeout(resolve, 20));
          }
          await each.kill();
          killed += 1;
          await each.start();
        }
      }),
    );
    while ((await closed()) < alerts && Date.now() - begun < limitMs) await new Promise((resolve) => setTimeout(resolve, 100));
  } finally {
    await Promise.all(running.map((each) => each.kill()));
  }
  const found = await mitigation.alerts.find({ _id: { $in: ids } }, { state: 1 }).lean<Array<{ state: string }>>();
  const accounts = await mitigation.models.accounts.find({}, { version: 1 }).lean<Array<{ version: number }>>();
  const records = await Promise.all(ids.map((id) => mitigation.recordsOf(id)));
  const result = {
    states: tally(found.map(({ state }) => state)),
    changesOfAccounts: tally(accounts.map(({ version }) => version - 1)),
    recordsOfAlerts: tally(records.map((of) => of.filter(({ type }) => type.startsWith('audit.account.')).length)),
    closingsOfAlerts: tally(records.map((of) => of.filter(({ type }) => type === 'mitigation.alert.processed').length)),
    kills: killed,
    takenOver: await mitigation.alerts.countDocuments({ attempts: { $gt: 1 } }),
    ms: Date.now() - begun,
  };
  await mitigation.close();
  return result;
}

async function prepare(mitigation: TestMitigation, alerts: number): Promise<string[]> {
  const application = await mitigation.application('Active Directory');
  const ids: string[] = [];
  for (let number = 0; number < alerts; number += 1) {
    await mitigation.addAccount(application, `account-${number}`, { entitlements: [{ attribute: 'memberOf', value: 'CN=Admins' }] });
    const type = TYPES[number % TYPES.length] ?? 'identity/account';
    ids.push(await mitigation.post({ type, nativeId: `account-${number}`, groupType: 'memberOf', groupName: 'CN=Admins' }));
  }
  return ids;
}

function tally(values: ReadonlyArray<string | number>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const value of values) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
}
