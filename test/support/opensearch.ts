import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onePreparerSync } from './one-preparer.js';
import { build, CACHE, missingTools } from './peer-tools.js';
import { freePort } from './free-port.js';

const SOURCES = fileURLToPath(new URL('../peer/intakes/opensearch/', import.meta.url));
const JARS = join(CACHE, 'opensearch');
const READY_MS = 180_000;

export const openSearchMissing = (): string | null => missingTools(['java', 'javac', 'mvn']);

export interface SearchedDocument {
  _id: string;
  _source: Record<string, unknown>;
}

/** A real OpenSearch, one node on loopback, its jars resolved by Maven into .cache/opensearch. Killed and started again it has its data. */
export class OpenSearch {
  private child: ChildProcess | undefined;
  private said = '';

  private constructor(readonly port: number, private readonly home: string) {}

  static prepare(): void {
    onePreparerSync('opensearch', () => {
      if (existsSync(JARS)) return;
      const fresh = `${JARS}.new`;
      rmSync(fresh, { recursive: true, force: true });
      build('mvn', ['-B', '-q', '-ntp', '-f', join(SOURCES, 'pom.xml'), `-DoutputDirectory=${fresh}`, 'dependency:copy-dependencies'], SOURCES, 600_000);
      build('javac', ['-cp', `${fresh}/*`, '-d', fresh, join(SOURCES, 'OpenSearchNode.java')], SOURCES, 120_000);
      renameSync(fresh, JARS);
    });
  }

  static async start(): Promise<OpenSearch> {
    OpenSearch.prepare();
    const home = mkdtempSync(join(tmpdir(), 'tidegate-opensearch-'));
    mkdirSync(join(home, 'config'));
    const node = new OpenSearch(await freePort(), home);
    await node.restart();
    return node;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  /** @throws Error with its output when it does not answer in time */
  async restart(): Promise<void> {
    // Compiled once and not again: it is killed before that pays, and starts with little more than half the work.
    const child = spawn('java', ['-Xms512m', '-Xmx512m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', `${JARS}:${JARS}/*`, 'OpenSearchNode', this.home, String(this.port)], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    const hear = (data: Buffer) => { this.said = (this.said + data.toString()).slice(-20_000); };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    const giveUpAt = performance.now() + READY_MS;
    while (!(await this.answers())) {
      if (child.exitCode !== null || performance.now() > giveUpAt) throw new Error(`OpenSearch does not answer\n${this.said}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }

  async kill(): Promise<void> {
    const { child } = this;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.home, { recursive: true, force: true });
  }

  /** @throws Error unless the status is 2xx */
  async call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, { method, ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }), signal: AbortSignal.timeout(60_000) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return JSON.parse(text) as T;
  }

  documents(index: string): Promise<SearchedDocument[]> {
    return this.search<SearchedDocument>(index, {});
  }

  /** Ids of all documents, without reading these. */
  async ids(index: string): Promise<string[]> {
    return (await this.search<Pick<SearchedDocument, '_id'>>(index, { _source: false })).map(({ _id }) => _id);
  }

  private async search<T>(index: string, more: object): Promise<T[]> {
    await this.call('POST', `/${index}/_refresh`);
    const found: T[] = [];
    type Page = { _scroll_id: string; hits: { hits: T[] } };
    let page = await this.call<Page>('POST', `/${index}/_search?scroll=1m`, { size: 5000, query: { match_all: {} }, ...more });
    while (page.hits.hits.length > 0) {
      found.push(...page.hits.hits);
      page = await this.call<Page>('POST', '/_search/scroll', { scroll: '1m', scroll_id: page._scroll_id });
    }
    return found;
  }

  private async answers(): Promise<boolean> {
    try {
      const { status } = await this.call<{ status: string }>('GET', '/_cluster/health?timeout=1s');
      return status !== 'red';
    } catch {
      return false;
    }
  }
}
