import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { rsyslogMissing } from '../../support/rsyslog.js';
import { ChildPeer } from './child-peer.js';
import { CEF_PAIRS, SD_PARAMETERS } from './event-fields.js';
import type { Peer, PeerContext, RunningPeer, Scenario } from './peer.js';

const MODULE = '/usr/lib/x86_64-linux-gnu/rsyslog/imkafka.so';

/** rsyslog: imkafka -> mmjsonparse where the format needs fields -> omfwd. */
export const rsyslogPeer: Peer = {
  name: 'rsyslog',
  missing: () => rsyslogMissing() ?? (existsSync(MODULE) ? undefined : 'rsyslog has no imkafka (Debian package rsyslog-kafka)'),
  takes: () => true,
  async start(scenario: Scenario, context: PeerContext): Promise<RunningPeer> {
    const work = join(context.directory, context.run.replaceAll(' ', '-'));
    await mkdir(work, { recursive: true });
    const file = join(work, 'rsyslog.conf');
    await writeFile(file, configuration(scenario, context, work));
    const peer = new ChildPeer();
    peer.add('/usr/sbin/rsyslogd', ['-n', '-f', file, '-i', join(work, 'pid')]);
    return peer;
  },
};

function configuration({ format, protocol }: Scenario, { kafka, topic, ports, run, fromNow }: PeerContext, work: string): string {
  const property = (field: string) => `property(name="$!data!${field}" controlcharacters="escape")`;
  const constant = (text: string) => `constant(value="${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}")`;
  const header = [constant('<110>1 '), property('occurredAt'), constant(' siem-gate tidegate - ')];
  const parts = {
    cef: [...header, property('type'), constant(' - CEF:0|Tidegate|Tidegate|1|'), property('type'), constant('|'), property('type'), constant('|'), property('severity'), constant('|'), ...CEF_PAIRS.flatMap(([key, field]) => [constant(`${key}=`), property(field), constant(' ')])],
    'structured-data': [...header, property('type'), constant(' [tidegate@32473'), ...SD_PARAMETERS.flatMap(([key, field]) => [constant(` ${key}="`), property(field), constant('"')]), constant('] '), property('message')],
    'json-header': [constant('<110>1 '), 'property(name="timegenerated" dateFormat="rfc3339")', constant(' siem-gate tidegate - - - '), 'property(name="msg")'],
    'json-lines': ['property(name="msg")'],
  }[format];
  return [
    'global(maxMessageSize="64k" workDirectory="' + work + '")',
    'main_queue(queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="4096" queue.workerThreads="1")',
    'module(load="imkafka")',
    'module(load="mmjsonparse")',
    `template(name="out" type="list") { ${parts.join(' ')} ${constant('\n').replace('\n', '\\n')} }`,
    `input(type="imkafka" topic="${topic}" broker=["${kafka.brokers.join('","')}"] consumergroup="${run.replaceAll(' ', '-')}" parseHostname="off" confParam=["auto.offset.reset=${fromNow ? 'latest' : 'earliest'}","fetch.wait.max.ms=5"] ruleset="forward")`,
    'ruleset(name="forward" queue.type="FixedArray" queue.size="100000" queue.dequeueBatchSize="4096" queue.workerThreads="1") {',
    ...(format === 'cef' || format === 'structured-data' ? ['  action(type="mmjsonparse" cookie="")'] : []),
    ...ports.map((port) => `  action(type="omfwd" target="127.0.0.1" port="${port}" protocol="${protocol}" template="out" action.resumeRetryCount="-1")`),
    '}',
    '',
  ].join('\n');
}
