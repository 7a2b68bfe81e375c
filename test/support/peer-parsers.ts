import { existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { onePreparerSync } from './one-preparer.js';
import { build, CACHE, PEER_SOURCES } from './peer-tools.js';
import { pythonVenv } from './python-venv.js';

/** A parser of another make, ready to be started. */
export interface PeerParser {
  command: string;
  options: readonly string[];
}

/** leodido/go-syslog 4.5.0; takes the header style as one more option. @throws Error when it cannot be built */
export function goSyslog(): PeerParser {
  const program = join(CACHE, 'go-syslog-parser');
  onePreparerSync('go-syslog', () => build('go', ['build', '-o', program, '.'], join(PEER_SOURCES, 'go-syslog'), 240_000));
  return { command: program, options: [] };
}

/** ParCEFone 2.1.0, validating. @throws Error when it cannot be built */
export function parcefone(): PeerParser {
  const folder = join(CACHE, 'parcefone');
  onePreparerSync('parcefone', () => buildParcefone(folder));
  return { command: 'java', options: ['-XX:+UseSerialGC', '-Xmx256m', '-cp', [join(folder, '*'), join(folder, 'classes')].join(delimiter), 'ParcefoneLines'] };
}

function buildParcefone(folder: string): void {
  const sources = join(PEER_SOURCES, 'parcefone');
  const source = join(sources, 'src/main/java/ParcefoneLines.java');
  const built = join(folder, 'classes', 'ParcefoneLines.class');
  if (existsSync(built) && [source, join(sources, 'pom.xml')].every((file) => statSync(file).mtimeMs < statSync(built).mtimeMs)) return;
  build('mvn', ['-B', '-q', '-ntp', '-f', join(sources, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`], CACHE, 240_000);
  build('javac', ['-cp', join(folder, '*'), '-d', join(folder, 'classes'), source], CACHE, 60_000);
}

/** Python with the official OCSF schema (ocsf-json-schema 1.2.0, which packs the compiled schemas of ocsf/ocsf-schema) and jsonschema; undefined where it cannot be had. */
export async function ocsfPython(script: 'validate.py' | 'records.py'): Promise<PeerParser | undefined> {
  const bin = await pythonVenv('ocsf', ['ocsf-json-schema==1.2.0', 'jsonschema==4.26.0']);
  return bin === undefined ? undefined : { command: join(bin, 'python'), options: [join(PEER_SOURCES, 'ocsf', script)] };
}
