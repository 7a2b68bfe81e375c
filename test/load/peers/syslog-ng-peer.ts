import { execFileSync } from 'node:child_process';
import { closeSync, existsSync, openSync, readdirSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CACHE } from '../../support/peer-tools.js';
import { syslogNgMissing } from '../../support/syslog-ng.js';
import { ChildPeer } from './child-peer.js';
import { CEF_PAIRS, SD_PARAMETERS } from './event-fields.js';
import type { Peer, PeerContext, RunningPeer, Scenario } from './peer.js';

const ROOT = join(CACHE, 'syslog-ng');

/** syslog-ng, fed by kcat through a pipe: Debian's package reads no Kafka itself. */
export const syslogNgPeer: Peer = {
  name: 'syslog-ng',
  missing: () => (existsSync('/usr/bin/kcat') ? (syslogNgMissing() ?? undefined) : 'kcat is not installed (Debian package kcat)'),
  takes: ({ destinations, format }) => destinations === 1 && format !== 'structured-data',
  async start(scenario: Scenario, context: PeerContext): Promise<RunningPeer> {
    const work = join(context.directory, context.run.replaceAll(' ', '-'));
    await mkdir(work, { recursive: true });
    const file = join(work, 'syslog-ng.conf');
    await writeFile(file, configuration(scenario, context, join(work, 'events')));
    const peer = new ChildPeer();
    // A named pipe, opened for both ends so that neither program waits for the other.
    const pipe = join(work, 'events');
    execFileSync('mkfifo', [pipe]);
    const output = openSync(pipe, 'r+');
    peer.add('/usr/bin/kcat', ['-C', '-q', '-u', '-b', context.kafka.brokers.join(','), '-t', context.topic, '-o', context.fromNow ? 'end' : 'beginning', '-X', 'fetch.wait.max.ms=5'], { output });
    closeSync(output);
    const modules = join(ROOT, 'usr/lib/syslog-ng', readdirSync(join(ROOT, 'usr/lib/syslog-ng')).find((name) => /^\d/.test(name)) ?? '3.38');
    const libraries = ['usr/lib/syslog-ng', ...['usr/lib', 'lib'].flatMap((base) => ['x86_64-linux-gnu', 'aarch64-linux-gnu'].map((machine) => join(base, machine)))];
    peer.add(join(ROOT, 'usr/sbin/syslog-ng'), ['-F', '--no-caps', '-f', file, '-R', join(work, 'persist'), '-p', join(work, 'pid'), '-c', join(work, 'ctl'), `--module-path=${modules}`], {
      environment: { LD_LIBRARY_PATH: libraries.map((name) => join(ROOT, name)).join(':') },
    });
    return peer;
  },
};

function configuration({ format, protocol }: Scenario, { ports }: PeerContext, pipe: string): string {
  const value = (field: string) => `\${.j.data.${field.replaceAll('!', '.')}}`;
  const header = `<110>1 ${value('occurredAt')} siem-gate tidegate - ${value('type')}`;
  const text = {
    cef: `${header} - CEF:0|Tidegate|Tidegate|1|${value('type')}|${value('type')}|${value('severity')}|${CEF_PAIRS.map(([key, field]) => `${key}=${value(field)}`).join(' ')}`,
    'structured-data': `${header} [tidegate@32473 ${SD_PARAMETERS.map(([key, field]) => `${key}="${value(field)}"`).join(' ')}] ${value('message')}`,
    'json-header': '<110>1 ${ISODATE} siem-gate tidegate - - - ${MESSAGE}',
    'json-lines': '${MESSAGE}',
  }[format];
  const rendered = format === 'cef' || format === 'structured-data';
  return [
    '@version: 3.38',
    'options { threaded(yes); keep-hostname(yes); use-dns(no); log-msg-size(65536); log-fifo-size(200000); stats-freq(0); time-reopen(1); };',
    `source in { pipe("${pipe}" flags(no-parse) log-fetch-limit(1000) log-iw-size(100000)); };`,
    ...(rendered ? ['parser parsed { json-parser(prefix(".j.")); };'] : []),
    ...ports.map((port, index) => `destination out${index} { network("127.0.0.1" port(${port}) transport(${protocol}) flags(no-multi-line) flush-lines(1000) template("${text.replaceAll('"', '\\"')}\\n")); };`),
    `log { source(in); ${rendered ? 'parser(parsed); ' : ''}${ports.map((_, index) => `destination(out${index}); `).join('')}flags(flow-control); };`,
    '',
  ].join('\n');
}
