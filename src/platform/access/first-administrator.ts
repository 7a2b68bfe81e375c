import { randomBytes } from 'node:crypto';
import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { systemActor } from '../audit/new-audit-record.js';
import { UsersService } from './users.service.js';

export interface FirstCredentials {
  name: string;
  password: string;
}
/** Brings a made password to a person, never to the log. When its promise ends the password counts as told; when it fails the next start makes another. */
export type CredentialsHandover = (credentials: FirstCredentials) => Promise<void>;
export const CREDENTIALS_HANDOVER = Symbol('CredentialsHandover');

export const FIRST_ADMINISTRATOR = 'admin';
/** 24 octets: 192 bits in 32 characters. */
const PASSWORD_BYTES = 24;
/** A process that died between making a password and telling it: so much later the next start makes another. */
const HANDOVER_MS = 60_000;
const ACTOR = systemActor('access');

/**
 * On the very first start, when nobody is there, makes the user `admin` with every right. Of several processes that start at once one makes it and only that one tells the password.
 */
@Injectable()
export class FirstAdministrator implements OnApplicationBootstrap {
  private readonly log: Log;

  constructor(
    private readonly users: UsersService,
    @Inject(CREDENTIALS_HANDOVER) private readonly handOver: CredentialsHandover,
    @Inject(SETTINGS) private readonly settings: Pick<Settings, 'admin' | 'roles'>,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(LOG) log: Log,
  ) {
    this.log = log.child('access');
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.settings.roles.includes('api')) return;
    if (!(await this.users.any())) return this.make();
    await this.finishHandover();
    await this.sayWhenUnused();
  }

  /** Whoever changes the setting later would otherwise look for the fault of a refused login in vain. */
  private async sayWhenUnused(): Promise<void> {
    const { password } = this.settings.admin;
    if (password === undefined || !(await this.users.hasOtherPassword(FIRST_ADMINISTRATOR, password))) return;
    this.log.warn({ user: FIRST_ADMINISTRATOR }, 'admin.password is not the password of this user: it counts on the very first start only; change the password with PATCH /api/v1/users/{id}');
  }

  private async make(): Promise<void> {
    const given = this.settings.admin.password;
    const password = given ?? madePassword();
    const handover = given === undefined ? { since: new Date(this.clock.now()) } : null;
    const outcome = await this.users.create({ name: FIRST_ADMINISTRATOR, password, roles: ['administrator'], rights: [], disabled: false }, ACTOR, handover);
    if (outcome.type === 'name-taken') return;
    this.log.info({ user: FIRST_ADMINISTRATOR, from: given === undefined ? 'made' : 'admin.password' }, 'the first administrator was made');
    if (given === undefined) await this.tell(outcome.user._id, password);
  }

  private async finishHandover(): Promise<void> {
    const waiting = await this.users.waitingHandover();
    if (!waiting?.handover) return;
    if (this.clock.now() - waiting.handover.since.getTime() < HANDOVER_MS) {
      this.log.warn({ user: waiting.name }, 'another process is telling the first password right now; if nobody was told, start again in a minute');
      return;
    }
    const password = this.settings.admin.password ?? madePassword();
    if (!(await this.users.renewHandover(waiting, password, ACTOR))) return;
    this.log.warn({ user: waiting.name }, 'nobody was told the first password: it was set anew');
    if (this.settings.admin.password === undefined) await this.tell(waiting._id, password, waiting.name);
    else await this.users.handedOver(waiting._id);
  }

  private async tell(id: string, password: string, name = FIRST_ADMINISTRATOR): Promise<void> {
    await this.handOver({ name, password });
    await this.users.handedOver(id);
  }
}

function madePassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('base64url');
}
