import { Inject, Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import type { Model } from 'mongoose';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { CLOCK } from '../../contracts/clock.js';
import type { Clock } from '../../contracts/clock.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { UsersService } from '../../platform/access/users.service.js';
import { systemActor } from '../../platform/audit/new-audit-record.js';
import { DocumentStore } from '../../platform/documents/document-store.js';
import { settingsDocumentSchema, type SettingsDocument } from '../../platform/settings/settings.schema.js';

export const SIEM_SERVICE_ACCOUNT = 'siemservice';
const MARK = 'siem-service-account';

/**
 * Ships the user `siemservice` with both rights of the SIEM's door and no password: nobody can log in with it until an administrator gives it one
 * (PATCH /api/v1/users/{id}). Made once; one that an administrator removed does not come back.
 */
@Injectable()
export class SiemServiceAccount implements OnApplicationBootstrap {
  private readonly marks: Model<SettingsDocument>;
  private readonly log: Log;

  constructor(store: DocumentStore, private readonly users: UsersService, @Inject(SETTINGS) private readonly settings: Pick<Settings, 'roles'>, @Inject(CLOCK) private readonly clock: Clock, @Inject(LOG) log: Log) {
    this.marks = store.model<SettingsDocument>('settings', settingsDocumentSchema);
    this.log = log.child('alerts');
  }

  async onApplicationBootstrap(): Promise<void> {
    if (!this.settings.roles.includes('api') || (await this.marks.exists({ _id: MARK }))) return;
    const { type } = await this.users.create({ name: SIEM_SERVICE_ACCOUNT, password: null, roles: ['SIEMPluginAdministrator', 'SIEMExtPluginAdministrator'], rights: [], disabled: false }, systemActor('alerts'));
    await this.marks.updateOne({ _id: MARK }, { $setOnInsert: { values: { made: true }, version: 1, updatedAt: new Date(this.clock.now()), auditOutbox: [] } }, { upsert: true });
    if (type === 'created') this.log.info({ user: SIEM_SERVICE_ACCOUNT }, 'the service account of the SIEM was made without a password; an administrator gives it one before it can log in');
  }
}
