import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { appendFile, mkdir, mkdtemp, open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve as resolvePath } from 'node:path';
import { promisify } from 'node:util';
import { freePort } from './free-port.js';
import { onePreparer } from './one-preparer.js';

/** A real Apache Kafka on loopback: KRaft, broker and controller in one process a node, its jars resolved by Maven into .cache/kafka. */
export interface TestKafka {
  /** host:port of each node. */
  brokers: string[];
  /** Ports of the first node for clients that log in or use TLS; undefined unless asked for. */
  secured: SecuredPorts | undefined;
  /** Ends a node (0 is the first): a crash, unless the signal says otherwise. */
  kill(node: number, signal?: NodeJS.Signals): Promise<void>;
  /** Freezes a node (SIGSTOP) or lets it go on (SIGCONT). */
  signal(node: number, signal: NodeJS.Signals): void;
  /** Starts a node that was killed, with its data. */
  restart(node: number): Promise<void>;
  /** Ends all nodes and removes their data. */
  stop(): Promise<void>;
}

/** host:port each. */
export interface SecuredPorts {
  tls: string;
  /** Wants a client certificate. */
  mutualTls: string;
  /** Login without TLS. */
  sasl: string;
  saslTls: string;
}

/** What secured ports stand on. PEM texts; the user may log in by every mechanism but on the port of `onlyPlain`. */
export interface KafkaSecurity {
  authority: string;
  certificate: string;
  key: string;
  username: string;
  password: string;
}

const VERSION = process.env['TIDEGATE_TEST_KAFKA_VERSION'] ?? '4.4.0';
const READY_MS = 120_000;
const run = promisify(execFile);

/** Why Kafka cannot be started here, or undefined. */
export async function kafkaMissing(): Promise<string | undefined> {
  for (const [command, option] of [['java', '-version'], ['mvn', '--version']] as const) {
    try {
      await run(command, [option]);
    } catch {
      return `${command} is not installed`;
    }
  }
  return undefined;
}

export async function startKafka(nodes: 1 | 3 = 1, security?: KafkaSecurity): Promise<TestKafka> {
  const jars = await kafkaJars();
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-kafka-'));
  const ports = await freePorts(2 * nodes + SECURED.length);
  const secured = security && Object.fromEntries(SECURED.map(({ name }, at) => [name, ports[2 * nodes + at] ?? 0]));
  const cluster = clusterId();
  const all = Array.from({ length: nodes }, (_, index) => new Node(index + 1, join(directory, `node-${index + 1}`), ports[index] ?? 0, ports[nodes + index] ?? 0, jars));
  const voters = all.map(({ id, controllerPort }) => `${id}@127.0.0.1:${controllerPort}`).join(',');
  const stop = async (): Promise<void> => {
    await Promise.all(all.map((node) => node.end('SIGKILL')));
    await rm(directory, { recursive: true, force: true });
  };
  try {
    await Promise.all(all.map((node) => node.format(cluster, voters, nodes, security && secured && { ...security, ports: secured })));
    for (const node of all) await node.start();
    await Promise.all(all.map((node) => node.ready(nodes)));
  } catch (error) {
    await stop();
    throw error;
  }
  const nodeAt = (index: number): Node => {
    const node = all[index];
    if (!node) throw new RangeError(`there is no node ${index}`);
    return node;
  };
  return {
    brokers: all.map(({ port }) => `127.0.0.1:${port}`),
    secured: secured && { tls: `127.0.0.1:${secured['tls']}`, mutualTls: `127.0.0.1:${secured['mutualTls']}`, sasl: `127.0.0.1:${secured['sasl']}`, saslTls: `127.0.0.1:${secured['saslTls']}` },
    kill: (node, signal = 'SIGKILL') => nodeAt(node).end(signal),
    signal: (node, signal) => nodeAt(node).signal(signal),
    restart: async (node) => {
      await nodeAt(node).start();
      await nodeAt(node).ready(1);
    },
    stop,
  };
}

const SECURED = [
  { name: 'tls', listener: 'TLS', protocol: 'SSL' },
  { name: 'mutualTls', listener: 'MUTUALTLS', protocol: 'SSL' },
  { name: 'sasl', listener: 'LOGIN', protocol: 'SASL_PLAINTEXT' },
  { name: 'saslTls', listener: 'LOGINTLS', protocol: 'SASL_SSL' },
] as const;
type Secured = KafkaSecurity & { ports: Record<string, number> };

/** Properties of the secured listeners. The login port without TLS offers no PLAIN, as nobody should. */
function securedProperties({ username, password }: Secured, directory: string): string[] {
  const lines = ['ssl.keystore.type=PEM', `ssl.keystore.location=${join(directory, 'broker.pem')}`, 'ssl.truststore.type=PEM', `ssl.truststore.location=${join(directory, 'authority.pem')}`, 'listener.name.mutualtls.ssl.client.auth=required'];
  for (const { name, listener } of SECURED.filter(({ protocol }) => protocol.startsWith('SASL'))) {
    const of = `listener.name.${listener.toLowerCase()}`;
    const mechanisms = [...(name === 'saslTls' ? ['PLAIN'] : []), 'SCRAM-SHA-256', 'SCRAM-SHA-512'];
    lines.push(`${of}.sasl.enabled.mechanisms=${mechanisms.join(',')}`);
    for (const mechanism of mechanisms) {
      const login = mechanism === 'PLAIN' ? `org.apache.kafka.common.security.plain.PlainLoginModule required user_${username}="${password}";` : 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
      lines.push(`${of}.${mechanism.toLowerCase()}.sasl.jaas.config=${login}`);
    }
  }
  return lines;
}

class Node {
  private process: ChildProcess | undefined;

  constructor(readonly id: number, private readonly directory: string, readonly port: number, readonly controllerPort: number, private readonly jars: string) {}

  async format(cluster: string, voters: string, nodes: number, secured?: Secured): Promise<void> {
    await mkdir(this.directory, { recursive: true });
    const replicas = Math.min(3, nodes);
    const more = secured ? SECURED.map(({ name, listener, protocol }) => ({ listener, protocol, address: `${listener}://127.0.0.1:${secured.ports[name]}` })) : [];
    if (secured) {
      await writeFile(join(this.directory, 'broker.pem'), `${secured.key.trim()}\n${secured.certificate.trim()}\n`);
      await writeFile(join(this.directory, 'authority.pem'), secured.authority);
    }
    const inSync = nodes < 3 ? 1 : 2;
    await writeFile(
      join(this.directory, 'server.properties'),
      [
        'process.roles=broker,controller',
        `node.id=${this.id}`,
        `controller.quorum.voters=${voters}`,
        `listeners=${[`PLAINTEXT://127.0.0.1:${this.port}`, `CONTROLLER://127.0.0.1:${this.controllerPort}`, ...more.map(({ address }) => address)].join(',')}`,
        `advertised.listeners=${[`PLAINTEXT://127.0.0.1:${this.port}`, ...more.map(({ address }) => address)].join(',')}`,
        'controller.listener.names=CONTROLLER',
        'inter.broker.listener.name=PLAINTEXT',
        `listener.security.protocol.map=${['PLAINTEXT:PLAINTEXT', 'CONTROLLER:PLAINTEXT', ...more.map(({ listener, protocol }) => `${listener}:${protocol}`)].join(',')}`,
        `log.dirs=${join(this.directory, 'data')}`,
        `default.replication.factor=${replicas}`,
        `min.insync.replicas=${inSync}`,
        `offsets.topic.replication.factor=${replicas}`,
        'offsets.topic.num.partitions=4',
        `transaction.state.log.replication.factor=${replicas}`,
        `transaction.state.log.min.isr=${inSync}`,
        'transaction.state.log.num.partitions=2',
        'group.initial.rebalance.delay.ms=0',
        'group.min.session.timeout.ms=1000',
        'auto.create.topics.enable=false',
        'num.network.threads=2',
        'num.io.threads=4',
        'log.cleaner.dedupe.buffer.size=16777216',
        ...(secured ? securedProperties(secured, this.directory) : []),
        '',
      ].join('\n'),
    );
    await writeFile(join(this.directory, 'log4j2.properties'), ['status = error', 'appender.f.type = File', 'appender.f.name = f', `appender.f.fileName = ${join(this.directory, 'server.log')}`, 'appender.f.layout.type = PatternLayout', 'appender.f.layout.pattern = %d %p %c{1} %m%n', 'rootLogger.level = warn', 'rootLogger.appenderRef.f.ref = f', ''].join('\n'));
    await run('java', [`-XX:SharedArchiveFile=${archiveOf(this.jars)}`, ...this.javaOptions(), 'kafka.tools.StorageTool', 'format', '-t', cluster, '-c', join(this.directory, 'server.properties'), ...(secured ? ['SCRAM-SHA-256', 'SCRAM-SHA-512'].flatMap((mechanism) => ['--add-scram', `${mechanism}=[name=${secured.username},password=${secured.password}]`]) : [])]);
  }

  async start(classes = [`-XX:SharedArchiveFile=${archiveOf(this.jars)}`]): Promise<void> {
    const output = await open(join(this.directory, 'stdout.log'), 'a');
    this.process = spawn('java', [...classes, ...this.javaOptions(), 'kafka.Kafka', join(this.directory, 'server.properties')], { stdio: ['ignore', output.fd, output.fd] });
    await output.close();
  }

  /** Ends when this node's metadata lists so many brokers. */
  async ready(brokers: number): Promise<void> {
    const end = Date.now() + READY_MS;
    while (Date.now() < end) {
      if (this.process?.exitCode !== null) throw new Error(`Kafka node ${this.id} ended: ${(await readFile(join(this.directory, 'stdout.log'), 'utf8')).slice(-2000)}`);
      if ((await brokerCount(this.port)) >= brokers) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`Kafka node ${this.id} is not ready after ${READY_MS / 1000} s: ${(await readFile(join(this.directory, 'server.log'), 'utf8').catch(() => '')).slice(-2000)}`);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    const child = this.process;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill(signal);
    await exit;
  }

  signal(signal: NodeJS.Signals): void {
    this.process?.kill(signal);
  }

  private javaOptions(): string[] {
    return ['-Xmx256m', '-Xms64m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-Djava.awt.headless=true', `-Dlog4j2.configurationFile=${join(this.directory, 'log4j2.properties')}`, '-cp', `${this.jars}/*`];
  }
}

/** The jars, resolved once; whole or not there at all. */
export async function kafkaJars(): Promise<string> {
  const jars = resolvePath('.cache/kafka', VERSION);
  if (!existsSync(archiveOf(jars))) {
    await onePreparer('kafka', async () => {
      await resolveJars(jars);
      await archiveClasses(jars);
    });
  }
  return jars;
}

async function resolveJars(jars: string): Promise<void> {
  if (existsSync(jars)) return;
  const draft = `${jars}.${process.pid}`;
  await mkdir(draft, { recursive: true });
  try {
    await run('mvn', ['-B', '-q', '-ntp', '-f', resolvePath('test/support/kafka-jars.xml'), `-Dkafka.version=${VERSION}`, `-DoutputDirectory=${draft}`, 'dependency:copy-dependencies'], { maxBuffer: 16_777_216 });
    await appendFile(join(draft, 'complete'), '');
    await rename(draft, jars);
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

const archiveOf = (jars: string): string => `${jars}.jsa`;

/** Has a node write down its classes as Java maps them: with these every later one starts with half the work. A Java that cannot leaves an empty file, which others pass over. */
async function archiveClasses(jars: string): Promise<void> {
  const archive = archiveOf(jars);
  if (existsSync(archive)) return;
  const draft = `${archive}.${process.pid}`;
  const directory = await mkdtemp(join(tmpdir(), 'tidegate-kafka-'));
  const [port = 0, controllerPort = 0] = await freePorts(2);
  const node = new Node(1, join(directory, 'node-1'), port, controllerPort, jars);
  try {
    await node.format(clusterId(), `1@127.0.0.1:${controllerPort}`, 1);
    await node.start([`-XX:ArchiveClassesAtExit=${draft}`]);
    await node.ready(1);
    await node.end('SIGTERM');
    await appendFile(draft, '');
    await rename(draft, archive);
  } finally {
    await node.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  }
}

/** The tool takes an id that begins with a hyphen for an option. */
function clusterId(): string {
  return Buffer.from(randomBytes(16).map((byte, at) => (at === 0 ? byte & 0x7f : byte))).toString('base64url');
}

async function freePorts(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) ports.add(await freePort());
  return [...ports];
}

/** Asks for metadata (version 1, no topics) and says how many brokers the answer lists; 0 when there is none. */
function brokerCount(port: number): Promise<number> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    let answer = Buffer.alloc(0);
    const done = (count: number): void => {
      socket.destroy();
      resolve(count);
    };
    socket.setTimeout(3000, () => done(0));
    socket.on('error', () => done(0));
    socket.on('close', () => done(0));
    socket.on('connect', () => socket.write(Buffer.from('000000120003000100000007000477616974' + '00000000', 'hex')));
    socket.on('data', (chunk: Buffer) => {
      answer = Buffer.concat([answer, chunk]);
      if (answer.length >= 12) done(answer.readInt32BE(8));
    });
  });
}
