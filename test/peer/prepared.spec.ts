import { it } from '@jest/globals';
import { HecIntake, hecIntakeMissing } from '../support/hec-intake.js';
import { kafkaJars, kafkaMissing } from '../support/kafka.js';
import { OpenSearch, openSearchMissing } from '../support/opensearch.js';
import { goSyslog, ocsfPython, parcefone } from '../support/peer-parsers.js';
import { missingTools } from '../support/peer-tools.js';
import { describeWithPeer } from '../support/peers.js';
import { secantusOrSkip } from '../support/secantus.js';
import { syslogNgMissing } from '../support/syslog-ng.js';

/** Downloads and builds on a fresh machine; later each is only looked at. CI runs it before the others, so that no limit of theirs pays for it. */
const LIMIT_MS = 900_000;

const PEERS: Array<{ peer: string; missing: string | null; prepare: () => unknown }> = [
  { peer: 'Apache Kafka', missing: (await kafkaMissing()) ?? null, prepare: () => kafkaJars() },
  { peer: 'OpenSearch', missing: openSearchMissing(), prepare: () => OpenSearch.prepare() },
  { peer: 'the HEC intake of the OpenTelemetry collector', missing: hecIntakeMissing(), prepare: () => HecIntake.prepare() },
  { peer: 'go-syslog', missing: missingTools(['go']), prepare: () => goSyslog() },
  { peer: 'ParCEFone', missing: missingTools(['java', 'javac', 'mvn']), prepare: () => parcefone() },
  { peer: 'the OCSF schema', missing: missingTools(['python3']), prepare: () => ocsfPython('records.py') },
  { peer: 'SecantusDB', missing: missingTools(['python3']), prepare: () => secantusOrSkip() },
  { peer: 'syslog-ng', missing: syslogNgMissing(), prepare: () => undefined },
];

for (const { peer, missing, prepare } of PEERS) {
  describeWithPeer(peer, missing, () => {
    it('can be had', async () => void (await prepare()), LIMIT_MS);
  });
}
