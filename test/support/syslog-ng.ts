import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PeerProcess } from './peer-process.js';
import { CACHE } from './peer-tools.js';
import { onePreparerSync } from './one-preparer.js';
import { freePort } from './free-port.js';
import { executable } from './peer-ground.js';

export interface SyslogNgOptions {
  /** `log-msg-size`, octets; the default of syslog-ng is 65536. */
  maxMessageBytes?: number;
  /** Where records go instead of a file of its own: `/dev/full` is a disk without room. */
  storeIn?: string;
  /** PEM texts. */
  tls?: { ca: string; certificate: string; key: string; clientCertificate?: 'required' | 'optional' };
}

/** One stored message with all that syslog-ng made of it. */
export interface SyslogNgRecord {
  rawmsg: string;
  pri: string;
  timestamp: string;
  hostname: string;
  appName: string;
  procid: string;
  msgid: string;
  structuredData: string;
  msg: string;
  source: string;
}

/** syslog-ng and the libraries that a small Debian may lack. The package conflicts with rsyslog, so it is unpacked beside, not installed. */
const PACKAGES = ['syslog-ng-core', 'libivykis0', 'libnet1', 'libwrap0', 'libpcre3', 'libjson-c5', 'libglib2.0-0', 'libnsl2', 'libtirpc3'];
const ROOT = join(CACHE, 'syslog-ng');

/** Why syslog-ng cannot be used here, or null. Unpacks it on the first call (a few megabytes by apt-get download). */
export function syslogNgMissing(): string | null {
  if (existsSync(join(ROOT, 'usr/sbin/syslog-ng'))) return null;
  const tools = ['apt-get', 'dpkg'].filter((tool) => executable([`/usr/bin/${tool}`]) === null);
  if (tools.length > 0) return `syslog-ng is unpacked from Debian packages, which needs ${tools.join(' and ')}`;
  return onePreparerSync('syslog-ng', unpack);
}

function unpack(): string | null {
  if (existsSync(join(ROOT, 'usr/sbin/syslog-ng'))) return null;
  const work = mkdtempSync(join(CACHE, 'unpack-'));
  try {
    execFileSync('apt-get', ['download', '-q', ...PACKAGES], { cwd: work, stdio: ['ignore', 'ignore', 'pipe'], timeout: 120_000 });
    for (const file of readdirSync(work).filter((name) => name.endsWith('.deb'))) execFileSync('dpkg', ['-x', file, 'root'], { cwd: work, timeout: 60_000 });
    if (!existsSync(ROOT)) renameSync(join(work, 'root'), ROOT);
    return null;
  } catch (error) {
    return `syslog-ng could not be unpacked: ${error instanceof Error ? error.message.split('\n')[0] : String(error)}`;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** syslog-ng 3.38 as a child process. It does not detect framing: `tcpOctet` and `tls` read octet counting, `tcpNewline` lines. */
export class SyslogNg {
  private starts = 0;

  private constructor(private readonly directory: string, readonly ports: { udp: number; tcpOctet: number; tcpNewline: number; tls: number }, private readonly options: SyslogNgOptions, private readonly process: PeerProcess) {}

  static async start(options: SyslogNgOptions = {}): Promise<SyslogNg> {
    const directory = await mkdtemp(join(tmpdir(), 'tidegate-syslog-ng-'));
    const ports = { udp: await freePort(), tcpOctet: await freePort(), tcpNewline: await freePort(), tls: await freePort() };
    if (options.tls) {
      await writeFile(join(directory, 'ca.pem'), options.tls.ca);
      await writeFile(join(directory, 'cert.pem'), options.tls.certificate);
      await writeFile(join(directory, 'key.pem'), options.tls.key, { mode: 0o600 });
    }
    const modules = join(ROOT, 'usr/lib/syslog-ng', readdirSync(join(ROOT, 'usr/lib/syslog-ng')).find((name) => /^\d/.test(name)) ?? '3.38');
    const libraries = ['usr/lib/syslog-ng', ...['usr/lib', 'lib'].flatMap((base) => ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((machine) => join(base, machine)))];
    const peer = new PeerProcess({
      command: join(ROOT, 'usr/sbin/syslog-ng'),
      parameters: ['-F', '--no-caps', '-f', join(directory, 'syslog-ng.conf'), '-R', join(directory, 'persist'), '-p', join(directory, 'pid'), '-c', join(directory, 'ctl'), `--module-path=${modules}`],
      environment: { LD_LIBRARY_PATH: libraries.map((name) => join(ROOT, name)).join(':') },
      tcpPorts: [ports.tcpOctet, ports.tcpNewline, ...(options.tls ? [ports.tls] : [])],
      udpPorts: [ports.udp],
    });
    const syslogNg = new SyslogNg(directory, ports, options, peer);
    await syslogNg.launch();
    return syslogNg;
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  get log(): string {
    return this.process.output;
  }

  /** Starts it again after `kill`, on the same ports; what was stored stays. */
  async launch(): Promise<void> {
    this.starts++;
    // One file a start: a killed process may leave half a line behind.
    await writeFile(join(this.directory, 'syslog-ng.conf'), this.configuration(this.options.storeIn ?? join(this.directory, `records-${this.starts}.jsonl`)));
    await this.process.start();
  }

  /** What it writes to, in the order of the starts. */
  get files(): string[] {
    return Array.from({ length: this.starts }, (_, start) => join(this.directory, `records-${start + 1}.jsonl`));
  }

  /** Gives it a disk with room (or none) from its next start on. */
  storeIn(file: string | undefined): void {
    this.options.storeIn = file;
  }

  /** SIGKILL, and waits for the end. */
  kill(): Promise<void> {
    return this.process.end('SIGKILL');
  }

  /** Ends it and removes its files. */
  async stop(): Promise<void> {
    await this.process.end('SIGTERM');
    await rm(this.directory, { recursive: true, force: true });
  }

  /** Everything stored, in the order of storing. A line that a kill cut off is left out. */
  async records(): Promise<SyslogNgRecord[]> {
    const texts = await Promise.all(this.files.map((file) => readFile(file, 'utf8').catch(() => '')));
    return texts.flatMap((text) => text.split('\n').slice(0, -1)).flatMap((line) => {
      try {
        return [JSON.parse(line) as SyslogNgRecord];
      } catch {
        return [];
      }
    });
  }

  /** The records as soon as there are so many. @throws Error after the limit with what was there */
  async waitForRecords(count: number, limitMs = 15_000): Promise<SyslogNgRecord[]> {
    const giveUpAt = performance.now() + limitMs;
    for (;;) {
      const records = await this.records();
      if (records.length >= count) return records;
      if (performance.now() > giveUpAt) throw new Error(`syslog-ng stored ${records.length} of ${count} records within ${limitMs} ms\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  private configuration(file: string): string {
    const { maxMessageBytes = 65_536, tls } = this.options;
    const at = (name: string) => JSON.stringify(join(this.directory, name));
    const flags = 'flags(store-raw-message)';
    // Without owner, group and mode it leaves those of what it writes to alone, which may be a device.
    return `@version: 3.38
options { keep-hostname(yes); stats-freq(0); frac-digits(6); log-msg-size(${maxMessageBytes}); };
source incoming {
  syslog(ip("127.0.0.1") port(${this.ports.udp}) transport("udp") so-rcvbuf(4194304) ${flags});
  syslog(ip("127.0.0.1") port(${this.ports.tcpOctet}) transport("tcp") ${flags});
  network(ip("127.0.0.1") port(${this.ports.tcpNewline}) transport("tcp") flags(syslog-protocol, store-raw-message));
  ${tls ? `syslog(ip("127.0.0.1") port(${this.ports.tls}) transport("tls") ${flags} tls(key-file(${at('key.pem')}) cert-file(${at('cert.pem')}) ca-file(${at('ca.pem')}) peer-verify(${tls.clientCertificate === 'required' ? 'required-trusted' : 'optional-untrusted'})));` : ''}
};
template record { template("$(format-json --scope none rawmsg=\\"$RAWMSG\\" pri=\\"$PRI\\" timestamp=\\"$S_ISODATE\\" hostname=\\"$HOST\\" appName=\\"$PROGRAM\\" procid=\\"$PID\\" msgid=\\"$MSGID\\" structuredData=\\"$SDATA\\" msg=\\"$MSG\\" source=\\"$SOURCE\\")\\n"); };
destination stored { file(${JSON.stringify(file)} template(record) owner() group() perm()); };
log { source(incoming); destination(stored); };
`;
  }
}
